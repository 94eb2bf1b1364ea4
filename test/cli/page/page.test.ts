import { IncomingMessage, request } from 'node:http';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { traceOf } from '../../../cli/feed/feed.ts';
import { foreignRequest } from '../../../cli/page/guard.ts';
import { send } from '../../../emulator/aws/sqs/send.ts';
import { arrived, putObject, startPageWorld } from './page-world.ts';

type World = Awaited<ReturnType<typeof startPageWorld>>;

/** Sends exactly these headers: fetch would not let a script choose Host or Origin. */
function call(
  { page }: World,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
  body = '',
) {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>(
    (resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port: page.port, path, method, headers },
        async (response) => {
          let text = '';
          for await (const piece of response) text += String(piece);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    },
  );
}

const own = ({ page }: World) => ({ origin: page.url, accept: 'text/plain' });
const post = (world: World, path: string, form = '', headers = {}) =>
  call(
    world,
    path,
    { ...own(world), 'content-type': 'application/x-www-form-urlencoded', ...headers },
    'POST',
    form,
  );
const incidents = ({ instance }: World) => instance.state.store.count('incident');

describe('requests that another site may cause', () => {
  it.each([
    ['a name that leads to this machine', { host: 'evil.example:80' }],
    ['the right name with another port', { host: '127.0.0.1:1' }],
    ['a name that only begins like this machine', { host: '127.0.0.1.evil.example' }],
    ['a script of another site', { origin: 'https://evil.example' }],
    ['a sandboxed frame', { origin: 'null' }],
    ['a page of another port', { origin: 'http://127.0.0.1:1' }],
    ['an image of another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    ['a script of another port', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }],
  ])('are refused: %s', async (_name, headers) => {
    await using world = await startPageWorld();
    for (const path of ['/', '/sections', '/tables/sys_user']) {
      const { status, text } = await call(world, path, headers);
      expect([path, status]).toEqual([path, 403]);
      expect(text).not.toContain('incident');
    }
  });

  it('change nothing without the Origin of the page', async () => {
    await using world = await startPageWorld();
    for (const headers of [{}, { origin: 'https://evil.example' }]) {
      const answer = await call(world, '/break', headers, 'POST', 'what=outage');
      expect(answer.status).toBe(403);
    }
    expect(world.instance.control.faults.list()).toEqual([]);
  });

  it('may link to the page', async () => {
    await using world = await startPageWorld();
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect((await call(world, '/', headers)).status).toBe(200);
  });

  it('cannot frame it, read it, or run scripts in it', async () => {
    await using world = await startPageWorld();
    const { headers } = await call(world, '/');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['content-security-policy']).toContain("script-src 'self'");
    expect(headers).toMatchObject({
      'x-frame-options': 'DENY',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    });
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });
});

it('is also reached by the name localhost', async () => {
  await using world = await startPageWorld();
  const { port } = world.page;
  const headers = { host: `localhost:${port}`, origin: `http://localhost:${port}`, accept: 'text/plain' };
  expect((await call(world, '/', headers)).status).toBe(200);
  expect((await call(world, '/repair', headers, 'POST')).status).toBe(200);
});

it('is reached without a port where it has that of HTTP', () => {
  const from = (host: string, port: number) =>
    foreignRequest(
      Object.assign(new IncomingMessage(new Socket()), {
        method: 'POST',
        headers: { host, origin: `http://${host}` },
      }),
      port,
    );
  expect([from('127.0.0.1', 80), from('localhost:80', 80)]).toEqual([undefined, undefined]);
  for (const [host, port] of [
    ['127.0.0.1', 81],
    ['evil.example', 80],
  ] as const)
    expect(from(host, port)).toMatch(/^Host must be/);
});

it.each(['/try', '/break', '/repair', '/redrive', '/events/1/send-again'])(
  'does not act on GET %s',
  async (path) => {
    await using world = await startPageWorld();
    world.feed.add(arrived);
    const before = incidents(world);
    const { status } = await call(world, `${path}?what=outage`);
    expect([status, incidents(world), world.instance.control.faults.list()]).toEqual([404, before, []]);
  },
);

it.each([
  ['PUT', '/'],
  ['DELETE', '/tables/incident'],
])('refuses %s %s', async (method, path) => {
  await using world = await startPageWorld();
  expect((await call(world, path, own(world), method)).status).toBe(405);
});

it('escapes everything that came from outside', async () => {
  await using world = await startPageWorld();
  const attack = '"><img src=x onerror=alert(1)><script>alert(2)</script>';
  const { id } = world.feed.add({
    ...arrived,
    subject: attack,
    table: attack,
    outcome: 'dead-lettered',
    code: attack,
    reason: attack,
    body: attack,
  });
  world.feed.addLogLine(traceOf('request-1'), attack);
  const letters = world.sqs.state.queues.byUrl('records-dlq');
  const MessageAttributes = { ErrorMessage: { DataType: 'String', StringValue: attack } };
  send(world.sqs.state, letters, { MessageBody: attack, MessageAttributes });
  world.instance.state.store.seed('incident', {
    sys_id: 'a'.repeat(32),
    short_description: attack,
    number: attack,
  });
  for (const path of [
    '/',
    `/events/${id}`,
    '/dead-letters',
    '/tables/incident',
    `/tables/incident/${'a'.repeat(32)}`,
  ]) {
    const { status, text } = await call(world, path);
    expect(status).toBe(200);
    expect(text, path).toContain('&lt;img src=x onerror');
    expect(text, path).not.toMatch(/<img|<script>/);
  }
});

it('counts messages, repeated deliveries and duplicates, and the records of the instance', async () => {
  await using world = await startPageWorld();
  world.feed.add(arrived);
  world.feed.add({ ...arrived, outcome: 'deferred', messageId: 'message-2' });
  world.feed.add({ ...arrived, outcome: 'done', messageId: 'message-2', attempts: 2 });
  world.feed.add({ ...arrived, outcome: 'duplicate', messageId: 'message-3' });
  const { username, password } = world.instance;
  const headers = {
    authorization: `Basic ${btoa(`${username}:${password}`)}`,
    'content-type': 'application/json',
  };
  const init = { method: 'POST', headers, body: '{"short_description":"one"}' };
  await fetch(`${world.instance.url}/api/now/table/incident`, init);
  const { text } = await call(world, '/');
  const numbers = [...text.matchAll(/<dt>([^<]*)<\/dt><dd>([\d,]+)<\/dd>/g)].map(([, name, value]) => [
    name,
    value,
  ]);
  expect(Object.fromEntries(numbers)).toEqual({
    'messages received': '3',
    'delivered again': '1',
    'duplicates prevented': '1',
    'records created on the instance': '1',
  });
});

it('says by way in what was sent and what came of it, so that the sums can be checked', async () => {
  await using world = await startPageWorld();
  const http = { ...arrived, way: 'HTTP', functionKey: 'postRecord', subject: 'POST incident' } as const;
  const { attempts: _, ...posted } = http;
  for (const outcome of ['done', 'duplicate', 'refused'] as const) world.feed.add({ ...posted, outcome });
  world.feed.add({ ...posted, subject: 'GET incident' });
  world.feed.add({ ...arrived, outcome: 'deferred' });
  world.feed.add({ ...arrived, attempts: 2 });
  world.feed.add({ ...arrived, messageId: 'message-2', outcome: 'dead-lettered' });
  const { text } = await call(world, '/');
  const counts = (row: string) => {
    const [, cells = ''] = new RegExp(`<th scope="row">${row}</th>(.*?)</tr>`).exec(text) ?? [];
    return [...cells.matchAll(/>(\d+)</g)].map(([, count]) => Number(count));
  };
  // sent, sent again, written, duplicates prevented, refused, put off
  expect(counts('writes over HTTP')).toEqual([3, 0, 1, 1, 1, 0]);
  expect(counts('messages')).toEqual([2, 1, 1, 0, 1, 1]);
});

it('shows dead letters without receiving them', async () => {
  await using world = await startPageWorld();
  const { state } = world.sqs;
  const letters = state.queues.byUrl('records-dlq');
  const MessageAttributes = {
    ErrorCode: { DataType: 'String', StringValue: 'TABLE_NOT_ALLOWED' },
    IdempotencyKey: { DataType: 'String', StringValue: 'alarm-9' },
  };
  send(state, letters, { MessageBody: '{"table":"incidnt"}', MessageAttributes });
  const { text } = await call(world, '/dead-letters');
  expect(text).toContain('TABLE_NOT_ALLOWED');
  expect(text).toContain('alarm-9');
  expect(text).toContain('incidnt');
  expect(state.messages.peek('records-dlq', 1)).toMatchObject([{ receiveCount: 0, receipt: null }]);
});

it('shows the dead letters of every queue, and moves those back that have a way back', async () => {
  await using world = await startPageWorld();
  const { state } = world.sqs;
  for (const name of ['signals-dlq', 'failed-calls-dlq'])
    send(state, state.queues.byUrl(name), { MessageBody: `{"in":"${name}"}`, MessageAttributes: {} });
  const { text } = await call(world, '/dead-letters');
  expect(text).toContain('2 messages that could not be written');
  for (const name of ['signals-dlq', 'failed-calls-dlq']) expect(text).toContain(`· ${name} ·`);
  expect((await call(world, '/')).text).toMatch(/<h2>Dead letters<\/h2><p class="value bad">2</);
  expect((await post(world, '/redrive', 'code=')).text).toBe('1 letter moved back');
  expect(state.messages.peek('signals', 9).map(({ body }) => body)).toEqual(['{"in":"signals-dlq"}']);
  expect(state.messages.peek('failed-calls-dlq', 9)).toHaveLength(1);
});

it('moves dead letters of one code back to the records queue', async () => {
  await using world = await startPageWorld();
  const { state } = world.sqs;
  for (const code of ['BUSINESS_RULE', 'INVALID_INPUT']) {
    const MessageAttributes = { ErrorCode: { DataType: 'String', StringValue: code } };
    send(state, state.queues.byUrl('records-dlq'), { MessageBody: `{"code":"${code}"}`, MessageAttributes });
  }
  const { text } = await post(world, '/redrive', 'code=BUSINESS_RULE');
  expect(text).toBe('1 letter moved back');
  expect(state.messages.peek('records', 9).map(({ body }) => body)).toEqual(['{"code":"BUSINESS_RULE"}']);
  expect(state.messages.peek('records-dlq', 9).map(({ body }) => body)).toEqual(['{"code":"INVALID_INPUT"}']);
});

it('counts all letters of a code on its button, also those that are not shown', async () => {
  await using world = await startPageWorld();
  const { state } = world.sqs;
  const MessageAttributes = { ErrorCode: { DataType: 'String', StringValue: 'THROTTLED' } };
  for (let n = 0; n < 203; n += 1)
    send(state, state.queues.byUrl('records-dlq'), { MessageBody: `{"n":${n}}`, MessageAttributes });
  const { text } = await call(world, '/dead-letters');
  expect(text).toContain('203 messages that could not be written; the newest 200 are shown');
  expect(text).toContain('Redrive 203 THROTTLED');
});

it('says how many letters of a queue were moved when another queue fails', async () => {
  await using world = await startPageWorld();
  const { state } = world.sqs;
  send(state, state.queues.byUrl('signals-dlq'), { MessageBody: '{}', MessageAttributes: {} });
  const { queues, recordsQueueUrl: deadLettersOf } = world.endpoints.sqs;
  queues.unshift({ name: 'gone-dlq', url: deadLettersOf.replace('records', 'gone-dlq'), deadLettersOf });
  expect((await post(world, '/redrive', 'code=')).text).toMatch(
    /^1 letter moved back, 1 could not be moved \(gone-dlq: .+\)$/,
  );
});

it('shows each value of a body as it was sent', async () => {
  await using world = await startPageWorld();
  const body = '{"id":12345678901234567890,"share":1.0,"name":"\\u00fc","none":{}}';
  const { id } = world.feed.add({ ...arrived, body });
  const { text } = await call(world, `/events/${id}`);
  for (const shown of ['12345678901234567890', '1.0', '\\u00fc', '{\n  &quot;id&quot;: 1'])
    expect(text).toContain(shown);
});

it('sends a message again under its key', async () => {
  await using world = await startPageWorld();
  const { id } = world.feed.add(arrived);
  expect((await post(world, `/events/${id}/send-again`)).text).toBe('Sent again under the same key');
  const [sent] = world.sqs.state.messages.peek('records', 9);
  expect(sent).toMatchObject({
    body: arrived.body,
    attributes: { IdempotencyKey: { DataType: 'String', StringValue: 'alarm-7' } },
  });
});

it('does not offer to send a message again of which only the beginning is kept', async () => {
  await using world = await startPageWorld();
  const body = JSON.stringify({ table: 'incident', record: { description: 'x'.repeat(20_000) } });
  const { id } = world.feed.add({ ...arrived, body });
  const { text } = await call(world, `/events/${id}`);
  expect(text).toContain('only its beginning is kept');
  expect(text).not.toContain('Send again');
  const again = await post(world, `/events/${id}/send-again`);
  expect([again.status, again.text]).toEqual([500, 'This cannot be sent again\n']);
  expect(world.sqs.state.messages.peek('records', 9)).toEqual([]);
});

describe('before a person’s own instance', () => {
  const startOwnWorld = () => startPageWorld(undefined, 'person');

  it('nothing of the emulated one is shown', async () => {
    await using world = await startOwnWorld();
    const { text } = await call(world, '/');
    for (const absent of [world.instance.url, 'records created', 'Break the instance', 'href="/tables/'])
      expect(text).not.toContain(absent);
    for (const path of ['/tables', '/tables/incident'])
      expect((await call(world, path)).text).toContain('talk to your own instance: look there');
    const record = { table: 'incident', sysId: 'a'.repeat(32), number: 'INC0012345' };
    const { id } = world.feed.add({ ...arrived, record });
    const event = await call(world, `/events/${id}`);
    expect(event.text).toContain('INC0012345');
    expect(event.text).not.toContain('href="/tables/');
  });

  it('nothing is broken, and nothing is sent without consent', async () => {
    await using world = await startOwnWorld();
    const { state } = world.sqs;
    send(state, state.queues.byUrl('records-dlq'), { MessageBody: '{"a":1}', MessageAttributes: {} });
    const { id } = world.feed.add(arrived);
    for (const path of ['/', '/dead-letters', `/events/${id}`])
      expect((await call(world, path)).text, path).toContain('name="sure"');
    const sent = () => world.sqs.state.messages.peek('records', 9).length;
    expect((await post(world, '/break', 'what=outage')).text).toContain('cannot be broken');
    expect(world.instance.control.faults.list()).toEqual([]);
    for (const path of ['/try', '/redrive', `/events/${id}/send-again`])
      expect((await post(world, path, 'what=twice')).text, path).toContain('Nothing was sent');
    expect(sent()).toBe(0);
    for (const path of ['/try', '/redrive', `/events/${id}/send-again`])
      await post(world, path, 'what=twice&sure=yes');
    expect(sent()).toBe(4);
  });
});

it('has one heading of the first level on every page', async () => {
  await using world = await startPageWorld();
  const { id } = world.feed.add(arrived);
  for (const path of [
    '/',
    '/dead-letters',
    '/imports',
    '/tables',
    '/tables/incident',
    `/events/${id}`,
    '/none',
  ])
    expect((await call(world, path)).text.match(/<h1[ >]/g), path).toHaveLength(1);
});

it('breaks the instance until it is repaired', async () => {
  await using world = await startPageWorld();
  const ask = async () => (await fetch(`${world.instance.url}/api/now/table/incident`)).status;
  await post(world, '/break', 'what=outage');
  expect(await ask()).toBe(503);
  expect((await call(world, '/')).text).toContain('Repair it now');
  await post(world, '/repair');
  expect(await ask()).toBe(401);
  expect((await call(world, '/')).text).not.toContain('Repair it now');
});

it.each(['', 'constructor', 'toString', '__proto__', 'nonsense'])(
  'knows no break and no try called %j',
  async (what) => {
    await using world = await startPageWorld();
    for (const path of ['/try', '/break']) {
      const { status } = await post(world, path, new URLSearchParams({ what }).toString());
      expect(status).toBe(404);
    }
    expect(world.instance.control.faults.list()).toEqual([]);
  },
);

it('goes back to the page when a form is sent without scripts', async () => {
  await using world = await startPageWorld();
  const answer = await post(world, '/repair', '', { accept: 'text/html' });
  expect([answer.status, answer.headers['location']]).toEqual([303, '/']);
});

it('serves the report of an import where no script can run, and nothing but results', async () => {
  await using world = await startPageWorld();
  const put = (key: string, text: string) => putObject(world, key, text);
  const folder = 'results/imp_user/people #1?.csv/run-1/';
  const summary = {
    status: 'completed',
    source: { key: 'imports/imp_user/people.csv' },
    startedAt: '2026-11-29T10:00:00Z',
    lines: { rows: 3 },
    counts: { inserted: 2, error: 1 },
  };
  put(`${folder}summary.json`, JSON.stringify(summary));
  put(`${folder}report.html`, '<h1>Report</h1>');
  put('imports/imp_user/people.csv', 'secret');
  const { text } = await call(world, '/imports');
  expect(text).toContain('imp_user/people.csv');
  expect(text).toContain('2 inserted · 1 error');
  const [, link = ''] = /href="(\/files\/[^"]*)"/.exec(text) ?? [];
  const report = await call(world, link);
  expect(report.text).toBe('<h1>Report</h1>');
  expect(report.headers['content-security-policy']).toMatch(/^sandbox [^;]*; default-src 'none'/);
  for (const path of [
    '/files/imports/imp_user/people.csv',
    '/files/results/../imports/imp_user/people.csv',
    '/files/results/%2e%2e/imports/imp_user/people.csv',
    '/files/',
  ])
    expect((await call(world, path)).status, path).toBe(404);
});

it('shows the bytes that a running import has read', async () => {
  await using world = await startPageWorld();
  const text = JSON.stringify({
    phase: 'loading',
    startedAt: '2026-11-29T10:00:00Z',
    bytes: { read: 25, total: 100 },
    rows: 7,
    counts: {},
  });
  putObject(world, 'results/imp_user/a.csv/run-1/progress.json', text);
  expect((await call(world, '/')).text).toMatch(/loading <progress max="100" value="25"/);
});

it.each([
  '/events/99',
  '/tables/nonsense',
  '/tables/incident/nonsense',
  '/files/results/none',
  '/nonsense',
  '/%ff',
])('answers 404 for %s', async (path) => {
  await using world = await startPageWorld();
  expect((await call(world, path)).status).toBe(404);
});

it('stays small and quick to build with 10,000 events', async () => {
  await using world = await startPageWorld();
  for (let n = 0; n < 10_000; n++)
    world.feed.add({ ...arrived, subject: `alarm-${n}`, requestId: `request-${n}` });
  const { text } = await call(world, '/sections');
  expect(text.length).toBeLessThan(100_000);
  expect(text).toContain('alarm-9999');
  expect(text).toContain('10,000');
});

it('is not held up by a reader that does not read', async () => {
  await using world = await startPageWorld();
  const slow = request({ host: '127.0.0.1', port: world.page.port, path: '/' });
  slow.on('error', () => undefined);
  slow.on('response', (response) => response.pause());
  slow.end();
  await delay(1);
  expect((await call(world, '/')).status).toBe(200);
  slow.destroy();
});

it('shows only problems on request', async () => {
  await using world = await startPageWorld();
  world.feed.add({ ...arrived, subject: 'good-one' });
  world.feed.add({ ...arrived, subject: 'bad-one', outcome: 'dead-lettered', code: 'INVALID_INPUT' });
  const { text } = await call(world, '/?only=problems');
  expect(text).toContain('bad-one');
  expect(text).not.toContain('good-one');
});
