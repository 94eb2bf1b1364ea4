import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../lib/core/config.ts';
import { silentLog } from '../../../lib/core/log.ts';
import { compileMapping } from '../../../lib/events/compile.ts';
import { createEventsHandler } from '../../../lib/events/handle-events.ts';
import { readEvents } from '../../../lib/events/intake.ts';
import { loadMappings } from '../../../lib/events/load-mappings.ts';
import { createMapper } from '../../../lib/events/map-event.ts';
import type { Signal } from '../../../lib/operations/signal.ts';

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
      ...{ standard: pair, fifo: pair, hide: async () => [] },
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
    },
  });
  const deliver = async (...bodies: readonly unknown[]) => {
    const Records = bodies.map((body, index) => ({
      ...{ messageId: `m${index}`, receiptHandle: 'r', eventSourceARN: 'arn:aws:sqs:eu-west-1:1:events' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      attributes: {
        ...{ ApproximateReceiveCount: '1', SentTimestamp: '1764403200000' },
        ApproximateFirstReceiveTimestamp: '1764403200000',
      },
    }));
    const answer = await handle({ Records }, { awsRequestId: 'r', getRemainingTimeInMillis: () => 30_000 });
    return answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  };
  return { deliver, letters, entries, signals: () => entries.map(read) };
}

describe('an event', () => {
  it('is one and the same signal bare, raw and wrapped by SNS, in a pipe, and as an alarm notification', async () => {
    const world = await startMapping();
    const event = alarm('ALARM', '2026-11-29T08:00:00.123+0000');
    const pipe = [event, { messageId: 'x', body: JSON.stringify(event) }];
    expect(await world.deliver(event, envelope(event), pipe, envelope(notification), notification)).toEqual(
      [],
    );
    const names = world
      .signals()
      .map(({ source, key, eventId, at, signal }) => ({ source, key, eventId, at, signal }));
    expect(names).toHaveLength(6);
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
    ['no object', '5', 'body: must be an event'],
    ['a confirmation of SNS', { Type: 'SubscriptionConfirmation', Message: 'x' }, 'body: asks to confirm'],
    ['a wrapped text', { Type: 'Notification', Message: 'disk full' }, 'body.Message: is not valid JSON'],
    ['an unknown event', { source: 'nobody' }, 'event: matches no mapping file'],
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
    ['envelopes in envelopes', [[[[{}]]]], 'body[0][0][0][0]: holds envelopes'],
  ])('is a dead letter with the reason: %s', async (_what, body, reason) => {
    const world = await startMapping();
    expect(await world.deliver(body, alarm('OK', '2026-11-29T08:00:00Z'))).toEqual([]);
    expect(world.letters).toMatchObject([
      { reason: expect.stringContaining(reason), code: expect.any(String) },
    ]);
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
    expect(readEvents('{"n":98765432109876543210}')).toEqual([{ n: '98765432109876543210' }]);
  });
});
