import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { expect, it, onTestFinished, vi } from 'vitest';
import { changeVisibility, sendInOrder, sendMessages } from '../../../lib/aws/sqs.ts';
import { stubSqs } from '../record-queue/stubbed-sqs.ts';

/** The URL of a server that answers as SQS would; the test's end stops it. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  onTestFinished(() => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  stubSqs(url);
  return url;
}

it('waits for a queue that does not answer no longer than until the signal', async () => {
  const url = await serve(() => {});
  const entries = Array.from({ length: 11 }, () => ({ MessageBody: 'x', ReceiptHandle: 'r' }));
  const failures = [
    await sendMessages(`${url}/0/q`, entries, AbortSignal.timeout(20)),
    await changeVisibility(`${url}/0/q`, entries, AbortSignal.timeout(20)),
  ];
  const indexes = entries.map((_entry, index) => ({ index, reason: expect.stringMatching(/Error$/) }));
  expect(failures).toEqual([indexes, indexes]);
});

it('sends no more bytes and entries in a request than SQS takes', async () => {
  const requests: { entries: number; bytes: number }[] = [];
  const url = await serve(async (request, response) => {
    const body = (await request.toArray()).join('');
    const { Entries }: { Entries: unknown[] } = JSON.parse(body);
    requests.push({ entries: Entries.length, bytes: body.length });
    response.setHeader('content-type', 'application/x-amz-json-1.0').end('{"Successful":[],"Failed":[]}');
  });
  const attribute = { DataType: 'String', StringValue: 'x'.repeat(200_000) };
  const large = Array.from({ length: 5 }, () => ({
    MessageBody: 'x'.repeat(200_000),
    MessageAttributes: { attribute },
  }));
  const small = Array.from({ length: 11 }, () => ({ MessageBody: 'x' }));
  expect(await sendMessages(`${url}/0/q`, [...large, ...small])).toEqual([]);
  expect(requests.map(({ entries }) => entries).reduce((sum, entries) => sum + entries, 0)).toBe(16);
  expect(Math.max(...requests.map(({ entries }) => entries))).toBeLessThanOrEqual(10);
  expect(Math.max(...requests.map(({ bytes }) => bytes))).toBeLessThanOrEqual(1_048_576);
});

it('sends the messages of a FIFO group one after another, and none behind one that was refused', async () => {
  const taken: string[] = [];
  let calls = 0;
  const send: typeof sendMessages = async (_url, entries) => {
    calls += 1;
    const isRefused = (body = '') => body === 'a2';
    taken.push(...entries.flatMap(({ MessageBody = '' }) => (isRefused(MessageBody) ? [] : [MessageBody])));
    return entries.flatMap(({ MessageBody }, index) =>
      isRefused(MessageBody) ? [{ index, reason: 'throttled' }] : [],
    );
  };
  const entries = ['a1', 'a2', 'b1', 'a3', 'c', 'b2', 'd'].map((MessageBody) => ({
    MessageBody,
    ...(/[ab]/.test(MessageBody) && { MessageGroupId: MessageBody.slice(0, 1) }),
  }));
  expect(await sendInOrder(send, 'q', entries)).toEqual([
    { index: 1, reason: 'throttled' },
    { index: 3, reason: 'throttled' },
  ]);
  expect(taken).toEqual(['a1', 'b1', 'c', 'd', 'b2']);
  expect(calls).toBe(2);
});
