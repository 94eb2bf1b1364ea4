import { expect, it } from 'vitest';
import { create, incidents, queue, start } from './writing.ts';

it.each([
  { messageAttributes: null },
  { messageAttributes: undefined },
  { messageAttributes: { tenant: { stringValue: 'a' } } },
  { messageAttributes: { tenant: null } },
  { attributes: undefined },
  { attributes: { ApproximateReceiveCount: 'many', SentTimestamp: 'now' } },
  { eventSourceARN: undefined },
])('writes a message of which Lambda hands over %j, and its neighbours', async (odd) => {
  await start();
  expect(await queue.deliver([create('a'), { ...create('b'), raw: odd }, create('c')])).toEqual([]);
  expect(incidents().map(({ short_description }) => short_description)).toEqual(
    expect.arrayContaining(['a', 'b', 'c']),
  );
  expect(incidents()).toHaveLength(3);
});

it('writes the others of a message without anything, which comes back', async () => {
  await start({ refuseDeadLetters: true });
  const nothing = { messageId: undefined, body: undefined, receiptHandle: undefined };
  expect(await queue.deliver([create('a'), { ...create('b'), raw: nothing }])).toEqual(['']);
  expect(incidents()).toHaveLength(1);
});

it('takes an attribute that it cannot read for no key', async () => {
  await start();
  const raw = { messageAttributes: { IdempotencyKey: 7 } };
  expect(await queue.deliver([{ ...create('a'), raw }, create('b')])).toEqual([]);
  expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'INVALID_INPUT' } }]);
  expect(incidents()).toHaveLength(1);
});

it.each(['\u200b', '\u2800', '\u3164\u00a0', '\ufe0f'])(
  'refuses a key that shows nothing: %j',
  async (key) => {
    await start();
    const table = 'incident';
    const messages = [{ id: 'a', body: { table, key, record: {} } }, { ...create('b'), key }, create('c')];
    expect(await queue.deliver(messages)).toEqual([]);
    expect(queue.deadLetters.map(({ attributes }) => attributes['ErrorMessage'])).toEqual([
      'key: must not be blank',
      'IdempotencyKey: the message attribute must not be blank',
    ]);
    expect(incidents()).toHaveLength(1);
  },
);

it('takes a key of characters that only a private font shows', async () => {
  await start();
  const key = '\ue000\u{f0001}';
  const messages = [
    { id: 'a', body: { table: 'incident', key, record: {} } },
    { ...create('b'), key },
  ];
  expect(await queue.deliver(messages)).toEqual([]);
  expect(queue.deadLetters).toEqual([]);
  expect(incidents()).toHaveLength(1);
});

it('refuses a key in an attribute that is longer than one in a body may be', async () => {
  await start();
  const key = 'k'.repeat(1_000_000);
  expect(
    await queue.deliver([
      { ...create('a'), key },
      { ...create('b'), key: 'k'.repeat(512) },
    ]),
  ).toEqual([]);
  expect(queue.deadLetters).toMatchObject([{ attributes: { IdempotencyKey: key } }]);
  expect(incidents()).toHaveLength(1);
});

it('refuses a column with half of a character, in a group too, and writes what comes behind it', async () => {
  await start();
  const sysId = 'a'.repeat(32);
  const record = { '\ud800': '1' };
  const messages = [
    { id: 'a', group: 'g', body: { action: 'update', table: 'incident', sysId, record } },
    { ...create('b'), group: 'g' },
  ];
  expect(await queue.deliver(messages)).toEqual([]);
  expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'INVALID_INPUT' } }]);
  expect(incidents()).toHaveLength(1);
});
