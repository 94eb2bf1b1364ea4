import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listObjects } from '../../../lib/aws/s3.ts';
import { silentLog } from '../../../lib/core/log.ts';
import { leaveLine } from '../../../lib/file-import/schedule/line.ts';
import { startImports } from '../../../lib/file-import/start-imports.ts';
import { bucket, startWorld, type World } from './world.ts';

let world: World;
let started: { name: string; input: string }[];
let status: number;
let close: () => void;
let lambda: LambdaClient;

beforeEach(async () => {
  world = await startWorld({ demoData: false });
  started = [];
  status = 202;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const name = String(request.headers['x-amz-durable-execution-name']);
      if (status === 202) started.push({ name, input: Buffer.concat(chunks).toString() });
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  lambda = new LambdaClient({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  close = () => server.close();
});
afterEach(async () => {
  lambda.destroy();
  close();
  await world.close();
});

const message = (messageId: string, key: string, sequencer: string, versionId: string) => ({
  messageId,
  body: JSON.stringify({
    Records: [
      {
        eventName: 'ObjectCreated:Put',
        eventTime: '2026-11-24T03:00:00.000Z',
        s3: { bucket: { name: bucket }, object: { key, size: 5, eTag: versionId, versionId, sequencer } },
      },
    ],
  }),
});

const start = (...messages: ReturnType<typeof message>[]) =>
  startImports(
    {
      s3: world.s3,
      lambda,
      clock: world.clock,
      log: silentLog,
      importFunctionArn: 'arn:aws:lambda:us-east-1:1:function:i:durable',
    },
    { Records: messages },
  );

describe('starting imports', () => {
  it('starts one execution per version, under a name that a repeated event shares', async () => {
    await start(message('1', 'imports/t/a.csv', '01', 'v1'), message('2', 'imports/t/a.csv', '01', 'v1'));
    await start(message('3', 'imports/t/a.csv', '02', 'v2'));
    expect(new Set(started.map(({ name }) => name)).size).toBe(2);
    expect(started[0]?.input).toBe(started[1]?.input);
  });

  it('drops the late event of an older version, not that of another key', async () => {
    await start(message('1', 'imports/t/a.csv', '02', 'v2'));
    await start(message('2', 'imports/t/a.csv', '01', 'v1'), message('3', 'imports/t/b.csv', '01', 'v1'));
    expect(started.map(({ input }) => JSON.parse(input).request.versionId)).toEqual(['v2', 'v1']);
    expect(started[1]?.input).toContain('imports/t/b.csv');
  });

  it('gives a drop its place in the line before its import is started', async () => {
    status = 500;
    await start(message('1', 'imports/t/a.csv', '01', 'v1'));
    const line: string[] = [];
    for await (const { key } of listObjects(world.s3, bucket, 'turns/waiting/t/')) line.push(key);
    expect(line).toEqual([expect.stringMatching(/^turns\/waiting\/t\/2026-11-24T03:00:00.000Z~01/)]);
  });

  it('gives a repeated event no place again: its import may be over', async () => {
    await start(message('1', 'imports/t/a.csv', '01', 'v1'));
    await leaveLine(world.s3, JSON.parse(started[0]?.input ?? '').request);
    await start(message('2', 'imports/t/a.csv', '01', 'v1'));
    for await (const { key } of listObjects(world.s3, bucket, 'turns/waiting/')) expect.fail(key);
  });

  it('hands back the message whose import could not be started, and starts it the next time', async () => {
    status = 500;
    expect(await start(message('1', 'imports/t/a.csv', '01', 'v1'))).toEqual(['1']);
    status = 202;
    expect(await start(message('1', 'imports/t/a.csv', '01', 'v1'))).toEqual([]);
    expect(started).toHaveLength(1);
  });

  it('says what it takes when it is invoked with something else', async () => {
    const tools = { s3: world.s3, lambda, clock: world.clock, log: silentLog, importFunctionArn: '' };
    await expect(startImports(tools, {})).rejects.toThrow('event: is not one of SQS');
  });

  it('drops a message that can never be read and goes on with the next', async () => {
    const again = await start(
      { messageId: '0', body: 'nonsense' },
      message('1', 'imports/t/a.csv', '01', 'v1'),
    );
    expect(again).toEqual([]);
    expect(started).toHaveLength(1);
  });
});
