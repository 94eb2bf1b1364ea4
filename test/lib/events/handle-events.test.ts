import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../lib/core/config.ts';
import { silentLog } from '../../../lib/core/log.ts';
import { compileMapping } from '../../../lib/events/compile.ts';
import { createEventsHandler } from '../../../lib/events/handle-events.ts';
import { readEvents } from '../../../lib/events/intake.ts';
import { loadMappings } from '../../../lib/events/load-mappings.ts';
import { createMapper } from '../../../lib/events/map-event.ts';
import type { Signal } from '../../../lib/operations/signal.ts';
import type { Outcome } from '../../../lib/outcomes/outcomes.ts';

const arn = 'arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu';
const alarm = (state: string, timestamp: string, more: object = {}) => ({
  ...{ version: '0', id: `id-${timestamp}`, source: 'aws.cloudwatch', account: '123456789012' },
  ...{
    'detail-type': 'CloudWatch Alarm State Change',
    time: timestamp,
    region: 'eu-west-1',
    resources: [arn],
  },
  detail: {
    alarmName: 'cpu',
    state: { value: state, reason: 'why', timestamp },
    previousState: { value: 'OK' },
  },
  ...more,
});
const notification = {
  ...{ AlarmName: 'cpu', AlarmDescription: null, AWSAccountId: '123456789012', AlarmArn: arn },
  ...{ NewStateValue: 'ALARM', NewStateReason: 'why', OldStateValue: 'OK', Region: 'EU (Ireland)' },
  StateChangeTime: '2026-11-29T08:00:00.123+0000',
  Trigger: { MetricName: 'CPU', Namespace: 'AWS/EC2', Dimensions: [{ name: 'InstanceId', value: 'i-1' }] },
};
const envelope = (message: object) => ({
  ...{ Type: 'Notification', MessageId: 'm', TopicArn: 'arn:aws:sns:eu-west-1:123456789012:alarms' },
  Message: JSON.stringify(message),
});

type Entry = {
  readonly MessageBody?: string | undefined;
  readonly MessageGroupId?: string | undefined;
  readonly MessageDeduplicationId?: string | undefined;
};

/** The function with its mapping files, and SQS as it sees it. */
async function startMapping(refuse: (signal: Signal) => boolean = () => false) {
  const twins = ['a', 'b'].map((name) =>
    compileMapping(
      `${name}.yaml`,
      `source: ${name}\nwhen: { source: [twin], ${name}: [1] }\nkey: k\nsignal: [{ is: open }]\n`,
    ),
  );
  const { mappings, defaults } = await loadMappings();
  const entries: Entry[] = [];
  const outcomes: Outcome[] = [];
  const letters: { body: string; reason: string | undefined; code: string | undefined }[] = [];
  const read = ({ MessageBody = '' }: Entry): Signal => JSON.parse(MessageBody);
  const pair = { url: 'events', deadLetterUrl: 'events-dlq' };
  const handle = createEventsHandler({
    mapper: createMapper({ mappings: [...mappings, ...twins], defaults }),
    signalsQueueUrl: 'signals.fifo',
    send: async (_url, given) => {
      entries.push(...given.filter((entry) => !refuse(read(entry))));
      return given.flatMap((entry, index) => (refuse(read(entry)) ? [{ index, reason: 'down' }] : []));
    },
    queues: {
      ...{ standard: pair, fifo: pair, reportedAs: 'events', hide: async () => [] },
      send: async (_url, given) => {
        for (const { MessageBody = '', MessageAttributes: { ErrorCode, ErrorMessage } = {} } of given)
          letters.push({
            body: MessageBody,
            code: ErrorCode?.StringValue,
            reason: ErrorMessage?.StringValue,
          });
        return [];
      },
    },
    ...{
      settings: readConfig({}).records,
      deployment: 'd',
      stateTable: () => {
        throw new Error('unused');
      },
    },
    ...{
      clock: { now: Date.now, sleep: async () => {} },
      random: () => 0.5,
      log: silentLog,
      metrics: { add() {} },
      outcomes: { report: (outcome: Outcome) => void outcomes.push(outcome) },
    },
  });
  const receive = async (...messages: readonly Received[]) => {
    const Records = messages.map(({ id, body, key, sent = '2026-11-29T08:00:00Z' }) => ({
      ...{ messageId: id, receiptHandle: 'r', eventSourceARN: 'arn:aws:sqs:eu-west-1:1:events' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      attributes: {
        ...{ ApproximateReceiveCount: '1', SentTimestamp: String(Date.parse(sent)) },
        ApproximateFirstReceiveTimestamp: String(Date.parse(sent)),
      },
      messageAttributes:
        key === undefined ? {} : { IdempotencyKey: { dataType: 'String', stringValue: key } },
    }));
    const answer = await handle({ Records }, { awsRequestId: 'r', getRemainingTimeInMillis: () => 30_000 });
    return answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  };
  const deliver = (...bodies: readonly unknown[]) =>
    receive(...bodies.map((body, index) => ({ id: `m${index}`, body })));
  const names = () => entries.map(read).map(({ key, eventId, at }) => ({ key, eventId, at }));
  return { deliver, receive, letters, outcomes, entries, names, signals: () => entries.map(read) };
}

/** A message as SQS hands it over. */
type Received = {
  readonly id: string;
  readonly body: unknown;
  /** Its message attribute `IdempotencyKey`. */
  readonly key?: string;
  readonly sent?: string;
};

describe('an event', () => {
  it('is one and the same signal bare, raw and wrapped by SNS, in a pipe, and as an alarm notification', async () => {
    const world = await startMapping();
    const event = alarm('ALARM', '2026-11-29T08:00:00.123+0000');
    const pipe = [event, { messageId: 'x', body: JSON.stringify(event) }];
    const listed = [{ messageId: 'y', body: JSON.stringify(envelope([event])) }];
    expect(
      await world.deliver(event, envelope(event), pipe, envelope(notification), notification, listed),
    ).toEqual([]);
    const names = world
      .signals()
      .map(({ source, key, eventId, at, signal }) => ({ source, key, eventId, at, signal }));
    expect(names).toHaveLength(7);
    expect(new Set(names.map((name) => JSON.stringify(name))).size).toBe(1);
    expect(names[0]).toMatchObject({ key: arn, signal: 'open', at: '2026-11-29T08:00:00.123Z' });
    expect(new Set(world.entries.map(({ MessageGroupId }) => MessageGroupId)).size).toBe(1);
    expect(world.letters).toEqual([]);
  });

  it('that is a signal already needs no mapping', async () => {
    const world = await startMapping();
    const signal = {
      ...{ action: 'signal', signal: 'open', source: 's', key: 'k' },
      at: '2026-11-29T08:00:00Z',
      eventId: 'e',
    };
    await world.deliver(signal, { ...signal, key: '' });
    expect(world.signals()).toEqual([signal]);
    expect(world.letters).toMatchObject([{ reason: expect.stringMatching(/^key: /) }]);
  });

  it('waits its turn: changes of one thing leave in the order of their time', async () => {
    const world = await startMapping();
    const times = ['08:00:03', '08:00:01', '08:00:02'].map((time) => `2026-11-29T${time}.000+0000`);
    await world.deliver(...times.map((time) => alarm('ALARM', time)));
    expect(world.signals().map(({ at }) => at.slice(17, 19))).toEqual(['01', '02', '03']);
  });

  it('comes again when the queue does not take its signal, with what comes after it', async () => {
    let isDown = true;
    const world = await startMapping(({ at }) => isDown && at.includes('08:00:01'));
    const bodies = ['08:00:01', '08:00:02'].map((time) => alarm('ALARM', `2026-11-29T${time}.000+0000`));
    const other = alarm('ALARM', '2026-11-29T08:00:05.000+0000', { resources: [`${arn}2`] });
    expect(await world.deliver(...bodies, other)).toEqual(['m0', 'm1']);
    expect(world.signals()).toHaveLength(1);
    isDown = false;
    expect(await world.deliver(...bodies)).toEqual([]);
    expect(world.signals()).toHaveLength(3);
  });

  it.each([
    ['no JSON', '{"a', 'body: is not valid JSON'],
    ['what nests too deep', '['.repeat(50_000), 'body: is nested more than 100 levels deep'],
    ['no object', '5', 'body: must be an event'],
    [
      'a confirmation of SNS',
      { Type: 'SubscriptionConfirmation', Message: 'x' },
      'body: is an SNS subscription confirmation',
    ],
    ['a wrapped text', { Type: 'Notification', Message: 'disk full' }, 'body.Message: is not valid JSON'],
    ['an unknown event', { source: 'unknown' }, 'event: matches no mapping file'],
    [
      'an event for two files',
      { source: 'twin', a: 1, b: 1 },
      'event: matches two mapping files, a.yaml and b.yaml',
    ],
    [
      'an event without key',
      alarm('ALARM', '2026-11-29T08:00:00Z', { resources: [] }),
      'cloudwatch-alarm.yaml: key: has no value',
    ],
    [
      'envelopes in envelopes',
      envelope(envelope(envelope(envelope({})))),
      'body.Message.Message.Message.Message: holds envelopes',
    ],
  ])('is a dead letter with the reason: %s', async (_what, body, reason) => {
    const world = await startMapping();
    expect(await world.deliver(body, alarm('OK', '2026-11-29T08:00:00Z'))).toEqual([]);
    expect(world.letters).toMatchObject([
      { reason: expect.stringContaining(reason), code: expect.any(String) },
    ]);
    expect(world.outcomes).toMatchObject([{ type: 'Message Dead-Lettered', queue: 'events' }]);
    expect(world.signals()).toMatchObject([{ signal: 'resolve' }]);
  });

  it('of 256 KB is mapped, with its texts cut', async () => {
    const world = await startMapping();
    const event = alarm('ALARM', '2026-11-29T08:00:00Z');
    await world.deliver({
      ...event,
      detail: { ...event.detail, state: { ...event.detail.state, reason: 'x'.repeat(250_000) } },
    });
    expect(world.letters).toEqual([]);
    expect(world.entries[0]?.MessageBody?.length).toBeLessThan(70_000);
  });

  it('is read with its large numbers digit by digit', () => {
    const arrival = { messageId: 'm', atMs: 0 };
    expect(readEvents('{"n":98765432109876543210}', arrival)).toMatchObject([
      { event: { n: '98765432109876543210' } },
    ]);
  });
});

describe('an event without id and time', () => {
  const plain = (key: string) => ({
    ...{ source: 'script', 'detail-type': 'ServiceNow signal' },
    detail: { key, status: 'open' },
  });
  const notice = (message: unknown, more: object = {}) => ({
    ...{ Type: 'Notification', MessageId: 'n1', Timestamp: '2026-11-29T08:00:00.123Z' },
    Message: JSON.stringify(message),
    ...more,
  });

  it('is the same signal when SNS delivers its notification twice', async () => {
    const world = await startMapping();
    await world.receive({ id: 'm1', body: notice(plain('a')), sent: '2026-11-29T08:00:01Z' });
    await world.receive({ id: 'm2', body: notice(plain('a')), sent: '2026-11-29T11:00:00Z' });
    const name = { key: 'script a', eventId: 'n1/0', at: '2026-11-29T08:00:00.123Z' };
    expect(world.names()).toEqual([name, name]);
  });

  it('is the same signal when a pipe sends its message again among others', async () => {
    const world = await startMapping();
    const record = (messageId: string, event: unknown, sent: string) => ({
      messageId,
      body: JSON.stringify(event),
      attributes: { SentTimestamp: String(Date.parse(sent)) },
    });
    const first = record('q1', plain('a'), '2026-11-29T08:00:00Z');
    const second = record('q2', notice(plain('b')), '2026-11-29T08:00:05Z');
    const third = record('q3', [plain('c'), plain('d')], '2026-11-29T08:00:06Z');
    await world.receive({ id: 'm1', body: [first, second, third], sent: '2026-11-29T08:00:09Z' });
    await world.receive({ id: 'm2', body: [third, second, first], sent: '2026-11-29T11:00:00Z' });
    const names = [
      { key: 'script a', eventId: 'q1/0', at: '2026-11-29T08:00:00.000Z' },
      { key: 'script b', eventId: 'n1/0', at: '2026-11-29T08:00:00.123Z' },
      { key: 'script c', eventId: 'q3/0', at: '2026-11-29T08:00:06.000Z' },
      { key: 'script d', eventId: 'q3/1', at: '2026-11-29T08:00:06.000Z' },
    ];
    const byKey = world.names().toSorted((a, b) => a.key.localeCompare(b.key));
    expect(byKey).toEqual(names.flatMap((name) => [name, name]));
  });

  it('keeps its id when its dead letter is moved back', async () => {
    const world = await startMapping();
    await world.receive({ id: 'm1', body: [plain('a'), plain('b')] });
    await world.receive({ id: 'm2', body: [plain('a'), plain('b')], key: 'm1' });
    expect(world.names().map(({ eventId }) => eventId)).toEqual(['m1/0', 'm1/1', 'm1/0', 'm1/1']);
  });

  it.each([
    ['no id', { MessageId: undefined }, 'm1/0', '2026-11-29T09:00:00.000Z'],
    ['a blank id', { MessageId: ' ' }, 'm1/0', '2026-11-29T09:00:00.000Z'],
    ['no time', { Timestamp: undefined }, 'n1/0', '2026-11-29T09:00:00.000Z'],
    ['what is no time', { Timestamp: 'soon' }, 'n1/0', '2026-11-29T09:00:00.000Z'],
  ])('has those of its message where the envelope has %s', async (_what, more, eventId, at) => {
    const world = await startMapping();
    await world.receive({ id: 'm1', body: notice(plain('a'), more), sent: '2026-11-29T09:00:00Z' });
    expect(world.names()).toEqual([{ key: 'script a', eventId, at }]);
  });

  it('has an id of its own under a key of any length that a key may have', async () => {
    const world = await startMapping();
    const long = 'k'.repeat(511);
    for (const key of [`${long}1`, `${long}2`, `${long}1`])
      await world.receive({ id: key, body: [plain('a'), plain('b')], key });
    const ids = world.names().map(({ eventId }) => eventId);
    expect(new Set(ids).size).toBe(4);
    expect(ids.slice(4)).toEqual(ids.slice(0, 2));
  });

  it('is a dead letter with the reason where the key is blank', async () => {
    const world = await startMapping();
    await world.receive({ id: 'm1', body: plain('a'), key: ' ' });
    expect(world.letters).toMatchObject([{ reason: expect.stringContaining('IdempotencyKey') }]);
    expect(world.names()).toEqual([]);
  });
});
