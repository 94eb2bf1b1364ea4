import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalDynamoDb, startDynamoDb } from '../../emulator/aws/dynamodb/dynamodb.ts';
import { RuntimeApi } from '../../emulator/aws/lambda/runtime/runtime-api.ts';
import { type LoopbackServer, listenOnLoopback } from '../../emulator/aws/loopback-server.ts';
import { type Instance, startInstance } from '../../emulator/instance/index.ts';

let service: LoopbackServer;
const runtimeApi = new RuntimeApi();
let runtimeApiUrl: string;
let dynamodb: LocalDynamoDb;
let instance: Instance;
let shared: Instance;
beforeAll(async () => {
  const everyone = '0.0.0.0';
  [service, dynamodb, instance, shared] = await Promise.all([
    listenOnLoopback((_request, response) => response.end('secret')),
    startDynamoDb(),
    startInstance({ demoData: false }),
    startInstance({ demoData: false, host: everyone }),
  ]);
  runtimeApiUrl = `http://${await runtimeApi.listen()}`;
});
afterAll(() => {
  runtimeApi.close();
  return Promise.all([service, dynamodb, instance, shared].map((one) => one.close()));
});

/** Status and text, with headers that `fetch` would not send. */
function ask(url: string, headers: Readonly<Record<string, string>>): Promise<readonly [number, string]> {
  const { port } = new URL(url);
  return new Promise((done, fail) => {
    const sent = request({ host: '127.0.0.1', port, method: 'POST', headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => {
        text += piece;
      });
      answer.on('end', () => done([answer.statusCode ?? 0, text]));
    });
    sent.on('error', fail).end();
  });
}

describe.each([
  [{ host: 'evil.example:4605' }],
  [{ host: '127.0.0.1.evil.example' }],
  [{ host: 'localhost.evil.example' }],
  [{ host: 'evillocalhost.example' }],
  [{ host: 'evil.host.docker.internal' }],
  [{ host: 'host.docker.internal.evil.example' }],
  [{ origin: 'https://evil.example' }],
  [{ origin: 'https://127.0.0.1.evil.example' }],
  [{ origin: 'null' }],
  [{ 'sec-fetch-site': 'cross-site' }],
])('a request with %j', (headers) => {
  it('is refused by everything that listens on this machine alone', async () => {
    for (const { url } of [service, dynamodb, instance, { url: runtimeApiUrl }]) {
      const [status, text] = await ask(url, headers);
      expect([status, text]).toEqual([403, expect.stringMatching(/^(Host|Origin|The request) .*\n$/)]);
    }
  });
});

it.each([
  [{ host: '127.0.0.1:1' }],
  [{ host: 'localhost' }],
  [{ host: 'LOCALHOST:4603' }],
  [{ host: 'host.docker.internal:4603' }],
  [{ host: '[::1]:4603' }],
  [{ host: 'my.bucket.localhost:4603' }],
  [{ origin: 'http://localhost:3000' }],
  [{ 'sec-fetch-site': 'none' }],
])('a request with %j is answered', async (headers) => {
  expect(await ask(service.url, headers)).toEqual([200, 'secret']);
});

it('an instance that is shared with other machines answers by any name', async () => {
  const [status] = await ask(shared.url, { host: 'instance.example:8081' });
  expect(status).not.toBe(403);
});
