import { execFile } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { commandsToTry } from '../../../cli/start/commands-to-try.ts';
import { type LoopbackServer, listenOnLoopback } from '../../../emulator/aws/loopback-server.ts';

type Seen = { method: string | undefined; url: string | undefined; target: unknown; body: string };
const seen: Seen[] = [];
let server: LoopbackServer;

beforeAll(async () => {
  server = await listenOnLoopback(async (request, response) => {
    const target = request.headers['x-amz-target'];
    seen.push({ method: request.method, url: request.url, target, body: await text(request) });
    response.end('{}');
  });
});
afterAll(() => server.close());

const endpoints = () => ({
  api: server.url,
  instance: { url: server.url, username: 'u', password: 'p' },
  sqs: {
    endpoint: server.url,
    recordsQueueUrl: `${server.url}/000000000000/records`,
    recordsDlqUrl: '',
    queues: [],
  },
  s3: { endpoint: server.url, bucket: 'drops' },
  lambda: { endpoint: server.url },
  secretsManager: { endpoint: server.url },
  dynamodb: { endpoint: server.url },
  eventBridge: { endpoint: server.url, bus: 'default' },
  sns: { endpoint: server.url },
  cloudWatch: { endpoint: server.url },
  securityHub: { endpoint: server.url },
});

async function runAll(): Promise<void> {
  seen.length = 0;
  for (const { command } of commandsToTry(endpoints())) {
    // The shell itself looks curl and node up on the real PATH.
    await promisify(execFile)('/bin/sh', ['-c', command], { env: { PATH: shellPath } });
  }
}
const shellPath = process.env['PATH'];

describe('the commands to try', () => {
  it.each([
    ['with curl', shellPath],
    ['with node where there is no curl', '/nowhere'],
  ])('do what they say when they are pasted, %s', async (_how, searched) => {
    vi.stubEnv('PATH', searched);
    await runAll();
    vi.unstubAllEnvs();
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /api/now/table/incident',
      'POST /',
      'PUT /drops/imports/imp_user/people.csv',
      'POST /',
    ]);
    expect(seen[1]?.target).toBe('AmazonSQS.SendMessage');
    expect(JSON.parse(seen[1]?.body ?? '').QueueUrl).toBe(`${server.url}/000000000000/records`);
    expect(seen[2]?.body.split('\n')).toHaveLength(4);
    expect(seen[3]?.target).toBe('AWSEvents.PutEvents');
    expect(JSON.parse(seen[3]?.body ?? '')).toMatchObject({ Entries: [{ Source: 'my.app' }] });
  });
});
