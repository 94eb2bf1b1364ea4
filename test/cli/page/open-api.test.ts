import { createServer, type IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { readHttpAnswer } from '../../../cli/feed/read-answer.ts';
import { listenWith } from '../../../emulator/aws/loopback-server.ts';
import { arrived, startPageWorld } from './page-world.ts';

type Received = {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

/** A page over an API that keeps what it gets and answers as the arguments say. */
async function startWorld(
  status = 200,
  headers: Record<string, string> = {},
  answer = '{"result":[]}',
  secretOwner: 'emulator' | 'person' = 'emulator',
) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += String(piece);
    received.push({ method: request.method, url: request.url, headers: request.headers, body });
    response.writeHead(status, headers).end(answer);
  });
  const api = await listenWith(server, 0, 'API');
  const world = await startPageWorld(api.url, secretOwner);
  const close = async () => {
    await world[Symbol.asyncDispose]();
    await api.close();
  };
  return { ...world, api, received, [Symbol.asyncDispose]: close };
}

describe('the description of the HTTP API', () => {
  it('is served whole from this machine: page, renderer, style and document', async () => {
    await using world = await startWorld();
    const page = await (await fetch(`${world.page.url}/openapi`)).text();
    const loaded = [...page.matchAll(/(?:src|href)="(\/openapi\/[^"]+)"/g)].map(([, path]) => path);
    expect(loaded).toHaveLength(5);
    for (const path of loaded) expect((await fetch(`${world.page.url}${path}`)).status, path).toBe(200);
    expect(page).not.toMatch(/https?:\/\//);
  });

  it('names this stack alone, since the page calls no deployment', async () => {
    await using world = await startWorld();
    const answer = await fetch(`${world.page.url}/openapi/openapi.json`);
    expect(await answer.json()).toMatchObject({
      openapi: '3.1.0',
      servers: [{ url: world.api.url, description: 'this stack' }],
    });
    expect(await (await fetch(`${world.page.url}/openapi`)).text()).not.toContain('data-own');
  });

  it.each(['package.json', '..%2fpage.js', 'toString', 'swagger-ui.js'])(
    'does not serve another file (%s)',
    async (name) => {
      await using world = await startWorld();
      expect((await fetch(`${world.page.url}/openapi/${name}`)).status).toBe(404);
    },
  );
});

describe('a call that is tried on the page', () => {
  it('reaches the HTTP API as it was made, without what belongs to the browser', async () => {
    await using world = await startWorld(201);
    const answer = await fetch(`${world.page.url}/call/api/now/table/in%63ident?sysparm_fields=a%2Cb&x=`, {
      method: 'PATCH',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': 'k-1',
        'x-http-method-override': 'PUT',
        cookie: 'session=1',
        origin: world.page.url,
      },
      body: '{"state":"ü"}',
    });
    expect([answer.status, await answer.text()]).toEqual([201, '{"result":[]}']);
    const [call] = world.received;
    expect(call).toMatchObject({
      method: 'PATCH',
      url: '/api/now/table/in%63ident?sysparm_fields=a%2Cb&x=',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': 'k-1',
        'x-http-method-override': 'PUT',
      },
      body: '{"state":"ü"}',
    });
    expect(Object.keys(call?.headers ?? {})).not.toEqual(expect.arrayContaining(['cookie']));
    expect(Object.keys(call?.headers ?? {})).not.toEqual(expect.arrayContaining(['origin']));
  });

  it('gives back status, headers and body; a browser runs nothing of it', async () => {
    const headers = { 'content-type': 'text/html', 'x-total-count': '7' };
    await using world = await startWorld(404, headers, '<script>alert(1)</script>');
    const answer = await fetch(`${world.page.url}/call/api/now/attachment/a/file`);
    expect([answer.status, answer.headers.get('x-total-count')]).toEqual([404, '7']);
    expect(answer.headers.get('content-security-policy')).toContain('sandbox');
    expect(await answer.text()).toBe('<script>alert(1)</script>');
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    'is refused when another site makes it (%s)',
    async (method) => {
      await using world = await startWorld();
      for (const headers of [{}, { origin: 'https://elsewhere.example' }]) {
        const answer = await fetch(`${world.page.url}/call/api/now/table/incident`, { method, headers });
        expect(answer.status).toBe(403);
      }
      expect(world.received).toEqual([]);
    },
  );

  it('reaches a person’s own instance only after consent, unless it reads', async () => {
    await using world = await startWorld(200, {}, '{}', 'person');
    expect(await (await fetch(`${world.page.url}/openapi`)).text()).toContain('data-own');
    const made = async (method: string, headers = {}) => {
      const init = { method, headers: { origin: world.page.url, ...headers } };
      return (await fetch(`${world.page.url}/call/api/now/table/incident`, init)).status;
    };
    expect([await made('GET'), await made('POST'), await made('POST', { 'x-own-instance': 'yes' })]).toEqual([
      200, 403, 200,
    ]);
    expect(world.received.map(({ method }) => method)).toEqual(['GET', 'POST']);
    expect(world.received[1]?.headers).not.toHaveProperty('x-own-instance');
  });

  it('says when the HTTP API does not answer', async () => {
    await using world = await startPageWorld();
    const answer = await fetch(`${world.page.url}/call/api/now/table/incident`);
    expect([answer.status, await answer.text()]).toEqual([
      502,
      'The HTTP API at http://127.0.0.1:1 does not answer\n',
    ]);
  });
});

describe('a record that was posted', () => {
  const answer = {
    functionKey: 'postRecord',
    requestId: 'request-1',
    payload: { statusCode: 201, body: '{"result":{"sys_id":"a","number":"INC1"}}' },
    isError: false,
    at: '2026-11-29T10:00:00.000Z',
    durationMs: 84,
  };
  const event = {
    rawPath: '/api/now/v2/table/in%63ident',
    rawQueryString: 'sysparm_input_display_value=true&sysparm_fields=a%2Cb',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': 'printer-3',
      'x-servicenow-instance': 'second',
      authorization: 'Bearer secret',
    },
    body: '{"urgency":"3"}',
    requestContext: { http: { method: 'POST' } },
  };
  const again = ({ page }: { page: { url: string } }, id: number) =>
    fetch(`${page.url}/events/${id}/send-again`, {
      method: 'POST',
      headers: { origin: page.url, accept: 'text/plain' },
      body: new URLSearchParams(),
    });

  it('is sent again as it was sent: with its key, its parameters and its instance', async () => {
    await using world = await startWorld(201, { 'idempotency-replayed': 'true' });
    const read = readHttpAnswer({ ...answer, event });
    if (read === undefined) throw new Error('It was a call over HTTP');
    const { id } = world.feed.add(read);
    expect(await (await again(world, id)).text()).toBe('POST in%63ident: 201, the record was there already');
    const { authorization: _, ...kept } = event.headers;
    expect(world.received).toMatchObject([
      { method: 'POST', url: `${event.rawPath}?${event.rawQueryString}`, headers: kept, body: event.body },
    ]);
    expect(world.received[0]?.headers).not.toHaveProperty('authorization');
  });

  it('says before and after that it makes another record where it has no key', async () => {
    await using world = await startWorld(201);
    const { 'idempotency-key': key, ...headers } = event.headers;
    const [keyed, keyless] = [event, { ...event, headers }].map((one) => {
      const read = readHttpAnswer({ ...answer, event: one });
      if (read === undefined) throw new Error('It was a call over HTTP');
      return world.feed.add(read).id;
    });
    const shown = async (id = 0) => (await fetch(`${world.page.url}/events/${id}`)).text();
    expect(await shown(keyless)).toContain('It has no Idempotency-Key: sent again, it makes another record.');
    expect(await shown(keyed)).not.toContain('another record');
    expect(await (await again(world, keyless ?? 0)).text()).toBe(
      'POST in%63ident: 201, another record: it has no Idempotency-Key',
    );
    expect(await (await again(world, keyed ?? 0)).text()).toBe('POST in%63ident: 201');
    expect(world.received.map(({ headers }) => headers['idempotency-key'])).toEqual([undefined, key]);
  });

  it('is not offered to be sent again where it is not known how it was sent', async () => {
    await using world = await startWorld();
    const { id } = world.feed.add({ ...arrived, way: 'HTTP', functionKey: 'postRecord' });
    expect(await (await fetch(`${world.page.url}/events/${id}`)).text()).not.toContain('Send again');
    expect((await again(world, id)).status).toBe(500);
    expect(world.received).toEqual([]);
  });
});
