import { createServer, type IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { listenWith } from '../../../emulator/aws/loopback-server.ts';
import { startPageWorld } from './page-world.ts';

type Received = {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

/** A page over an API that keeps what it gets and answers as it is told. */
async function startWorld(status = 200, headers: Record<string, string> = {}, answer = '{"result":[]}') {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += String(piece);
    received.push({ method: request.method, url: request.url, headers: request.headers, body });
    response.writeHead(status, headers).end(answer);
  });
  const api = await listenWith(server, 0, 'API');
  const world = await startPageWorld(api.url);
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

  it("names this stack's own address first", async () => {
    await using world = await startWorld();
    const answer = await fetch(`${world.page.url}/openapi/openapi.json`);
    expect(await answer.json()).toMatchObject({
      openapi: '3.1.0',
      servers: [{ url: world.api.url, description: 'this stack' }, { description: 'a deployment' }],
    });
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

  it('says when the HTTP API does not answer', async () => {
    await using world = await startPageWorld();
    const answer = await fetch(`${world.page.url}/call/api/now/table/incident`);
    expect([answer.status, await answer.text()]).toEqual([
      502,
      'The HTTP API at http://127.0.0.1:1 does not answer\n',
    ]);
  });
});
