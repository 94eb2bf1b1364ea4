import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, it, onTestFinished, vi } from 'vitest';
import { changeVisibility, sendMessages } from '../../../lib/aws/sqs.ts';
import { stubSqs } from '../record-queue/stubbed-sqs.ts';

it('waits for a queue that does not answer no longer than until the signal', async () => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  onTestFinished(() => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  stubSqs(url);
  const entries = Array.from({ length: 11 }, () => ({ MessageBody: 'x', ReceiptHandle: 'r' }));
  const failures = [
    await sendMessages(`${url}/0/q`, entries, AbortSignal.timeout(20)),
    await changeVisibility(`${url}/0/q`, entries, AbortSignal.timeout(20)),
  ];
  const indexes = entries.map((_entry, index) => ({ index, reason: expect.stringMatching(/Error$/) }));
  expect(failures).toEqual([indexes, indexes]);
});
