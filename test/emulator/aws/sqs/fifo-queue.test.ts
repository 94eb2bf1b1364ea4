import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HandClock, type SqsFixture, startSqsFixture } from './local-sqs.ts';

const clock = new HandClock();
const FIFO = { FifoQueue: 'true', ContentBasedDeduplication: 'true', VisibilityTimeout: '30' };
let fixture: SqsFixture;
beforeAll(async () => {
  fixture = await startSqsFixture(clock);
});
afterAll(() => fixture.close());

const send = (QueueUrl: string, MessageGroupId: string, MessageBody: string) =>
  fixture.client.send(new SendMessageCommand({ QueueUrl, MessageGroupId, MessageBody }));
const receive = async (QueueUrl: string, MaxNumberOfMessages = 10) =>
  (await fixture.client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages }))).Messages ?? [];
const bodies = async (url: string, most = 10) => (await receive(url, most)).map(({ Body }) => Body);

describe('a FIFO queue', () => {
  it('gives a whole group in order in one receive', async () => {
    const url = await fixture.queue('order.fifo', FIFO);
    for (const body of ['1', '2', '3']) await send(url, 'g', body);
    expect(await bodies(url)).toEqual(['1', '2', '3']);
  });

  it('locks a group while one of its messages is in flight, and no other group', async () => {
    const url = await fixture.queue('locked.fifo', FIFO);
    for (const body of ['a1', 'a2']) await send(url, 'a', body);
    await send(url, 'b', 'b1');
    const [first] = await receive(url, 1);
    expect(first?.Body).toBe('a1');
    expect(await bodies(url)).toEqual(['b1']);
    await fixture.client.send(
      new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: first?.ReceiptHandle }),
    );
    expect(await bodies(url)).toEqual(['a2']);
  });

  it('gives an unfinished message again before the later ones of its group', async () => {
    const url = await fixture.queue('again.fifo', FIFO);
    for (const body of ['1', '2']) await send(url, 'g', body);
    expect(await bodies(url, 1)).toEqual(['1']);
    clock.advance(30_000);
    expect(await bodies(url)).toEqual(['1', '2']);
  });

  it('takes the same message once in five minutes, and answers with the id of the first', async () => {
    const url = await fixture.queue('once.fifo', FIFO);
    const first = await send(url, 'g', 'same');
    expect(await send(url, 'g', 'same')).toMatchObject({
      MessageId: first.MessageId,
      SequenceNumber: first.SequenceNumber,
    });
    expect(await bodies(url)).toEqual(['same']);
    clock.advance(5 * 60 * 1000 + 1);
    expect((await send(url, 'g', 'same')).MessageId).not.toBe(first.MessageId);
  });

  it('refuses a receipt whose visibility timeout is over', async () => {
    const url = await fixture.queue('expired.fifo', FIFO);
    await send(url, 'g', 'slow');
    const [message] = await receive(url);
    clock.advance(30_000);
    const ReceiptHandle = message?.ReceiptHandle;
    const deleting = fixture.client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
    await expect(deleting).rejects.toThrow('The receipt handle has expired');
  });

  it('wants a group, and a deduplication id where contents do not count', async () => {
    const url = await fixture.queue('strict.fifo', { FifoQueue: 'true' });
    const noGroup = new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' });
    await expect(fixture.client.send(noGroup)).rejects.toMatchObject({ name: 'MissingParameter' });
    await expect(send(url, 'g', 'x')).rejects.toThrow('ContentBasedDeduplication');
  });
});
