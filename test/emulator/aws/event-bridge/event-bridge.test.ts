import {
  CreateEventBusCommand,
  DeleteRuleCommand,
  DisableRuleCommand,
  EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  type PutEventsRequestEntry,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  type Target,
  TestEventPatternCommand,
} from '@aws-sdk/client-eventbridge';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AwsError } from '../../../../emulator/aws/aws-error.ts';
import type { Delivery } from '../../../../emulator/aws/delivery.ts';
import { startEventBridge } from '../../../../emulator/aws/event-bridge/event-bridge.ts';
import { HandClock } from '../sqs/local-sqs.ts';

const queueArn = 'arn:aws:sqs:us-east-1:000000000000:events';
const entry = {
  Source: 'com.example',
  DetailType: 'order',
  Detail: JSON.stringify({ id: 7, text: 'a "b"\nc', deep: { list: [{ n: 1 }, { n: 2 }] } }),
  Resources: ['arn:aws:x'],
};

async function startBus(refuse: (delivery: Delivery) => void = () => {}) {
  const delivered: Delivery[] = [];
  const deliver = (delivery: Delivery) => {
    refuse(delivery);
    delivered.push(delivery);
  };
  const server = await startEventBridge({ deliver, clock: new HandClock() });
  const client = new EventBridgeClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
  onTestFinished(async () => {
    client.destroy();
    await server.close();
  });
  return {
    client,
    delivered,
    put: (...Entries: PutEventsRequestEntry[]) => client.send(new PutEventsCommand({ Entries })),
    async rule(Name: string, pattern: object, ...Targets: Target[]) {
      await client.send(new PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern) }));
      await client.send(new PutTargetsCommand({ Rule: Name, Targets }));
    },
  };
}

describe('EventBridge', () => {
  it('hands an event to the targets of the rules that match, and to no others', async () => {
    const { rule, put, delivered } = await startBus();
    await rule('orders', { source: ['com.example'] }, { Id: 'one', Arn: queueArn });
    await rule('others', { source: ['com.other'] }, { Id: 'one', Arn: queueArn });
    const answer = await put({ ...entry, Time: new Date('2026-01-02T03:04:05.678Z') });
    expect(answer.FailedEntryCount).toBe(0);
    expect(delivered).toMatchObject([{ service: 'events.amazonaws.com', targetArn: queueArn }]);
    expect(delivered[0]?.sourceArn).toBe('arn:aws:events:us-east-1:000000000000:rule/orders');
    expect(JSON.parse(delivered[0]?.body ?? '')).toEqual({
      version: '0',
      id: answer.Entries?.[0]?.EventId,
      'detail-type': 'order',
      source: 'com.example',
      account: '000000000000',
      time: '2026-01-02T03:04:05Z',
      region: 'us-east-1',
      resources: ['arn:aws:x'],
      detail: JSON.parse(entry.Detail),
    });
  });

  it('takes events of AWS services, which here nothing else could send', async () => {
    const { rule, put, delivered } = await startBus();
    await rule('alarms', { source: ['aws.cloudwatch'] }, { Id: 'one', Arn: queueArn });
    await put({ ...entry, Source: 'aws.cloudwatch' });
    expect(delivered).toHaveLength(1);
  });

  it('gives a FIFO queue the fixed message group of its target, and refuses a target without one', async () => {
    const { client, rule, put, delivered } = await startBus();
    const Arn = `${queueArn}.fifo`;
    await rule(
      'fifo',
      { source: ['com.example'] },
      { Id: 'one', Arn, SqsParameters: { MessageGroupId: 'g' } },
    );
    await put(entry);
    expect(delivered).toMatchObject([{ groupId: 'g' }]);
    const without = client.send(new PutTargetsCommand({ Rule: 'fifo', Targets: [{ Id: 'two', Arn }] }));
    await expect(without).rejects.toMatchObject({ name: 'ValidationException' });
  });

  it.each([
    ['Input', { Input: '{"fixed":true}' }, '{"fixed":true}'],
    ['InputPath', { InputPath: '$.detail.deep.list[1]' }, '{"n":2}'],
    [
      'a JSON template',
      {
        InputTransformer: {
          InputPathsMap: {
            id: '$.detail.id',
            text: '$.detail.text',
            all: '$.detail.deep.list[*].n',
            none: '$.detail.no',
          },
          InputTemplate:
            '{"id": <id>, "text": <text>, "in": "<id>: <text>", "all": <all>, "none": <none>, "x": "<none>"}',
        },
      },
      String.raw`{"id": 7, "text": "a \"b\"\nc", "in": "7: a \"b\"\nc", "all": [1,2], "none": "", "x": ""}`,
    ],
    [
      'a text template',
      {
        InputTransformer: { InputPathsMap: { id: '$.detail.id' }, InputTemplate: '"order <id> \\"<id>\\""' },
      },
      '"order 7 \\"7\\""',
    ],
    [
      'predefined variables',
      {
        InputTransformer: {
          InputTemplate: '{"rule": "<aws.events.rule-name>", "arn": <aws.events.rule-arn>}',
        },
      },
      '{"rule": "made", "arn": "arn:aws:events:us-east-1:000000000000:rule/made"}',
    ],
  ])('makes the input of a target from %s', async (_, how, expected) => {
    const { rule, put, delivered } = await startBus();
    await rule('made', { source: ['com.example'] }, { Id: 'one', Arn: queueArn, ...how });
    await put(entry);
    expect(delivered.map(({ body }) => body)).toEqual([expected]);
  });

  it('puts the whole event, or all but its detail, into a template', async () => {
    const { rule, put, delivered } = await startBus();
    const InputTemplate = '{"whole": <aws.events.event.json>, "rest": <aws.events.event>}';
    await rule(
      'whole',
      { source: ['com.example'] },
      { Id: 'one', Arn: queueArn, InputTransformer: { InputTemplate } },
    );
    await put(entry);
    const { whole, rest } = JSON.parse(delivered[0]?.body ?? '');
    expect(whole.detail.id).toBe(7);
    expect(whole).toEqual({ ...rest, detail: whole.detail });
  });

  it('sends what a target refuses to its dead-letter queue, with the reason, and the other targets get theirs', async () => {
    const { rule, put, delivered } = await startBus(({ targetArn }) => {
      if (targetArn === queueArn) throw new AwsError('NO_PERMISSIONS', 'the queue refuses it', 403);
    });
    const DeadLetterConfig = { Arn: `${queueArn}-dlq` };
    const targets = [
      { Id: 'one', Arn: queueArn, DeadLetterConfig },
      { Id: 'two', Arn: `${queueArn}-other` },
    ];
    await rule('refused', { source: ['com.example'] }, ...targets);
    await put(entry);
    expect(delivered.map(({ targetArn }) => targetArn)).toEqual([`${queueArn}-dlq`, `${queueArn}-other`]);
    expect(delivered[0]?.attributes).toMatchObject({ ERROR_CODE: { StringValue: 'NO_PERMISSIONS' } });
    expect(JSON.parse(delivered[0]?.body ?? '')).toMatchObject({ detail: { id: 7 } });
  });

  it('fails wrong entries by themselves', async () => {
    const { rule, put, delivered } = await startBus();
    await rule('all', { source: [{ exists: true }] }, { Id: 'one', Arn: queueArn });
    const answer = await put(
      entry,
      { ...entry, DetailType: undefined },
      { ...entry, Detail: '{"a":' },
      { ...entry, Detail: '["a"]' },
      { ...entry, EventBusName: 'nowhere' },
    );
    expect(answer.FailedEntryCount).toBe(4);
    expect(answer.Entries).toMatchObject([
      { EventId: expect.any(String) },
      {
        ErrorCode: 'InvalidArgument',
        ErrorMessage: 'Parameter DetailType is not valid. Reason: DetailType is a required argument.',
      },
      { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' },
      { ErrorCode: 'MalformedDetail' },
      { ErrorCode: 'InvalidArgument' },
    ]);
    expect(delivered).toHaveLength(1);
  });

  it('refuses the whole call with too many entries, too large a one, or nothing but incomplete ones', async () => {
    const { put, delivered } = await startBus();
    const refusal = (...entries: PutEventsRequestEntry[]) => put(...entries).catch((error: unknown) => error);
    expect(await refusal(...Array.from({ length: 11 }, () => entry))).toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('less than or equal to 10'),
    });
    const Detail = JSON.stringify({ text: 'ü'.repeat(131_072) });
    expect(await refusal({ ...entry, Detail })).toMatchObject({
      message: 'Total size of the entries in the request is over the limit.',
    });
    expect(await refusal({ Source: 'com.example' })).toMatchObject({ name: 'ValidationException' });
    expect(delivered).toEqual([]);
  });

  it('takes an entry of exactly 256 KB', async () => {
    const { rule, put, delivered } = await startBus();
    await rule('all', { source: ['com.example'] }, { Id: 'one', Arn: queueArn });
    const rest = 'com.example'.length + 'order'.length + 14 + '{"text":""}'.length;
    const Detail = JSON.stringify({ text: 'x'.repeat(262_144 - rest) });
    await put({ Source: 'com.example', DetailType: 'order', Detail, Time: new Date() });
    expect(delivered).toHaveLength(1);
  });

  it('keeps the events of one bus from the rules of another', async () => {
    const { client, rule, put, delivered } = await startBus();
    await client.send(new CreateEventBusCommand({ Name: 'own' }));
    await rule('all', { source: ['com.example'] }, { Id: 'one', Arn: queueArn });
    await put({ ...entry, EventBusName: 'own' });
    await put({ ...entry, EventBusName: 'arn:aws:events:us-east-1:000000000000:event-bus/default' });
    expect(delivered).toHaveLength(1);
  });

  it('hands nothing to a rule that is switched off, or whose target was removed', async () => {
    const { client, rule, put, delivered } = await startBus();
    await rule('off', { source: ['com.example'] }, { Id: 'one', Arn: queueArn });
    await rule('bare', { source: ['com.example'] }, { Id: 'one', Arn: queueArn });
    await client.send(new DisableRuleCommand({ Name: 'off' }));
    await client.send(new RemoveTargetsCommand({ Rule: 'bare', Ids: ['one'] }));
    await put(entry);
    expect(delivered).toEqual([]);
  });

  it('lists, changes and deletes rules, these only without targets', async () => {
    const { client, rule } = await startBus();
    await rule('kept', { source: ['a'] }, { Id: 'one', Arn: queueArn });
    await client.send(new PutRuleCommand({ Name: 'kept', EventPattern: '{"source":["b"]}' }));
    expect((await client.send(new ListTargetsByRuleCommand({ Rule: 'kept' }))).Targets).toHaveLength(1);
    const rules = async () => (await client.send(new ListRulesCommand({}))).Rules;
    expect(await rules()).toMatchObject([
      { Name: 'kept', EventPattern: '{"source":["b"]}', State: 'ENABLED' },
    ]);
    const deleting = () => client.send(new DeleteRuleCommand({ Name: 'kept' }));
    await expect(deleting()).rejects.toThrow("can't be deleted since it has targets");
    await client.send(new RemoveTargetsCommand({ Rule: 'kept', Ids: ['one'] }));
    await deleting();
    expect(await rules()).toEqual([]);
  });

  it('refuses a rule without pattern and schedule, and one whose pattern or schedule is wrong', async () => {
    const { client } = await startBus();
    const put = (more: object) => client.send(new PutRuleCommand({ Name: 'wrong', ...more }));
    await expect(put({})).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(put({ EventPattern: '{"source":"a"}' })).rejects.toMatchObject({
      name: 'InvalidEventPatternException',
    });
    for (const ScheduleExpression of ['rate(1 minutes)', 'rate(5 minute)', 'rate(0 minutes)', 'every day'])
      await expect(put({ ScheduleExpression })).rejects.toThrow('ScheduleExpression is not valid');
  });

  it('says whether a pattern matches an event', async () => {
    const { client } = await startBus();
    const test = async (source: string) =>
      (
        await client.send(
          new TestEventPatternCommand({
            EventPattern: '{"source":["a"]}',
            Event: JSON.stringify({ source }),
          }),
        )
      ).Result;
    expect([await test('a'), await test('b')]).toEqual([true, false]);
  });
});
