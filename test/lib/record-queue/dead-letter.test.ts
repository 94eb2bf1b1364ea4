import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendMessages } from '../../../lib/aws/sqs.ts';
import { InvalidInputError } from '../../../lib/core/errors.ts';
import { toDeadLetter, withOrigin } from '../../../lib/record-queue/dead-letter.ts';
import type { QueuedMessage } from '../../../lib/record-queue/sqs-event.ts';
import type { SqsFixture } from '../../emulator/aws/sqs/local-sqs.ts';
import { startStubbedSqs } from './stubbed-sqs.ts';

let fixture: SqsFixture;
let url = '';

beforeAll(async () => {
  fixture = await startStubbedSqs();
  url = await fixture.queue('dlq');
});
afterAll(() => fixture.close());

const message = (more: Partial<QueuedMessage> = {}): QueuedMessage => ({
  messageId: 'm1',
  receiptHandle: '',
  body: '{}',
  receiveCount: 3,
  sentAtMs: 0,
  firstReceivedAtMs: 0,
  groupId: undefined,
  attributes: {},
  isFifo: false,
  ...more,
});

/** The letter as it is received, after SQS has taken it. */
async function deadLetter(failed: QueuedMessage, error: Error = new InvalidInputError('table', 'required')) {
  expect(await sendMessages(url, [toDeadLetter(failed, error, 'r1')])).toEqual([]);
  const receive = { QueueUrl: url, MessageAttributeNames: ['All'], VisibilityTimeout: 900 };
  const { Messages = [] } = await fixture.client.send(new ReceiveMessageCommand(receive));
  const { Body = '', MessageAttributes = {} } = Messages[0] ?? {};
  return { body: Body, attributes: MessageAttributes, texts: textsOf(MessageAttributes) };
}

function textsOf(attributes: Readonly<Record<string, MessageAttributeValue>>) {
  return Object.fromEntries(Object.entries(attributes).map(([name, { StringValue }]) => [name, StringValue]));
}

const reasons = {
  ErrorCode: 'INVALID_INPUT',
  ErrorMessage: 'table: required',
  RequestId: 'r1',
  Attempts: '3',
  IdempotencyKey: 'm1',
};

describe('a dead letter', () => {
  it('says why, and keeps the key and all attributes that the message came with, bytes too', async () => {
    const attributes = {
      IdempotencyKey: { dataType: 'String', text: 'k' },
      tenant: { dataType: 'String.kind', text: 'a' },
      seal: { dataType: 'Binary', base64: 'AAEC' },
    };
    const letter = await deadLetter(message({ attributes }));
    expect(letter.texts).toMatchObject({ ...reasons, IdempotencyKey: 'k', tenant: 'a' });
    expect(letter.attributes['tenant']?.DataType).toBe('String.kind');
    expect(letter.attributes['seal']?.BinaryValue).toEqual(Uint8Array.of(0, 1, 2));
  });

  it('has room for its reasons whatever the message brought', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `${index}`);
    const attributes = Object.fromEntries(names.map((name) => [name, { dataType: 'String', text: name }]));
    const letter = await deadLetter(message({ attributes }));
    expect(letter.texts).toMatchObject(reasons);
    expect(Object.keys(letter.texts)).toHaveLength(10);
  });

  const named = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, { dataType: 'String', text: name }]));

  it('packs nothing as long as there is a place for each attribute', async () => {
    const letter = await deadLetter(message({ attributes: named(['a', 'b', 'c', 'd', 'IdempotencyKey']) }));
    expect(letter.texts).toMatchObject({ a: 'a', d: 'd', IdempotencyKey: 'IdempotencyKey' });
    expect(Object.keys(letter.texts)).toHaveLength(10);
    expect(letter.texts).not.toHaveProperty('DisplacedAttributes');
  });

  it('packs each attribute that has no place, once, and never the key', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'IdempotencyKey'];
    const { texts } = await deadLetter(message({ attributes: named(names) }));
    const packed = Object.keys(JSON.parse(texts['DisplacedAttributes'] ?? '{}'));
    const carried = names.filter((name) => name in texts);
    expect([...carried, ...packed].sort()).toEqual(names.toSorted());
    expect(carried).toContain('IdempotencyKey');
    expect(Object.keys(texts)).toHaveLength(10);
  });

  it('keeps all attributes of the message where its reasons have no room', async () => {
    const bytes = (index: number) => Buffer.alloc(95_000, index);
    const attributes = Object.fromEntries(
      Array.from({ length: 10 }, (_, index) => [
        `${index}`,
        { dataType: 'Binary', base64: bytes(index).toString('base64') },
      ]),
    );
    const letter = await deadLetter(message({ body: 'x'.repeat(60_000), attributes }));
    expect(Object.keys(letter.attributes).toSorted()).toEqual(Object.keys(attributes));
    expect(Buffer.from(letter.attributes['9']?.BinaryValue ?? [])).toEqual(bytes(9));
  });

  it('holds no character that SQS refuses, and no endless text', async () => {
    const said = new InvalidInputError('body', `\u0000\u0007\uFFFE ü😀${'x'.repeat(5_000)}`);
    const { texts } = await deadLetter(message(), said);
    expect(texts['ErrorMessage']).toMatch(/^body: [\s]+ü +x+$/);
    expect(texts['ErrorMessage']?.length).toBe(1_000);
  });

  const largest = 1_048_576;

  it.each([
    { left: 0, names: [] },
    { left: 60, names: ['ErrorCode', 'IdempotencyKey'] },
    { left: 105, names: ['ErrorCode', 'IdempotencyKey', 'Attempts', 'RequestId', 'ErrorMessage'] },
  ])('of a message that fills SQS to $left bytes is taken all the same', async ({ left, names }) => {
    const body = 'ü'.repeat((largest - left) / 2);
    const attributes = { tenant: { dataType: 'String', text: 'x'.repeat(200) } };
    const letter = await deadLetter(
      message({ body, attributes }),
      new InvalidInputError('body', 'ü'.repeat(900)),
    );
    expect(letter.body).toBe(body);
    expect(Object.keys(letter.texts)).toEqual(expect.arrayContaining(names));
    expect(letter.texts).not.toHaveProperty('tenant');
  });
});

describe('a message that is sent on', () => {
  const origin = { sender: 'AROA1', sentAtMs: 5 };
  const asText = (StringValue: string) => ({ DataType: 'String', StringValue });
  const of = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, asText('x')]));

  it('says who sent it first, and when', () => {
    expect(withOrigin('{}', {}, origin)).toEqual({
      OriginalSender: asText('AROA1'),
      OriginalSentTimestamp: asText('5'),
    });
    expect(withOrigin('{}', {}, {})).toEqual({});
  });

  it.each(['', 'a\nb', 'ü', 'x'.repeat(2_049)])('names no sender that SQS would refuse: %j', (sender) => {
    expect(withOrigin('{}', {}, { sender })).toEqual({});
  });

  it('says only what there is room for, in the last place too', () => {
    expect(Object.keys(withOrigin('{}', of(8), origin))).toHaveLength(10);
    expect(withOrigin('{}', of(9), origin)).toEqual({ ...of(9), OriginalSender: asText('AROA1') });
    expect(withOrigin('{}', of(10), origin)).toEqual(of(10));
    expect(withOrigin('x'.repeat(1_048_570), {}, origin)).toEqual({});
  });
});
