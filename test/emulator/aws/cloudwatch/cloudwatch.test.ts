import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  ListTagsForResourceCommand,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  ResourceNotFound,
  SetAlarmStateCommand,
  type StateValue,
} from '@aws-sdk/client-cloudwatch';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startCloudWatch } from '../../../../emulator/aws/cloudwatch/cloudwatch.ts';
import type { Delivery } from '../../../../emulator/aws/delivery.ts';
import type { NewEvent } from '../../../../emulator/aws/event-bridge/bus.ts';
import { HandClock } from '../sqs/local-sqs.ts';

const topicArn = 'arn:aws:sns:us-east-1:000000000000:alarms';

async function start() {
  const events: NewEvent[] = [];
  const delivered: Delivery[] = [];
  const clock = new HandClock();
  const server = await startCloudWatch({
    publish: (event) => events.push(event),
    deliver: (delivery) => delivered.push(delivery),
    measure: ({ name, dimensions }) => (name === 'Age' ? Number(dimensions['QueueName']) : undefined),
    clock,
  });
  const client = new CloudWatchClient({
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
    server,
    clock,
    client,
    events,
    delivered,
    alarm: (AlarmName: string, more: object = {}) =>
      client.send(
        new PutMetricAlarmCommand({
          AlarmName,
          AlarmDescription: 'CPU of the web servers',
          MetricName: 'CPUUtilization',
          Namespace: 'AWS/EC2',
          Statistic: 'Average',
          Dimensions: [{ Name: 'InstanceId', Value: 'i-1' }],
          Period: 60,
          EvaluationPeriods: 1,
          Threshold: 90,
          ComparisonOperator: 'GreaterThanThreshold',
          ...more,
        }),
      ),
    set: (AlarmName: string, value: StateValue) =>
      client.send(new SetAlarmStateCommand({ AlarmName, StateValue: value, StateReason: `is ${value}` })),
  };
}

describe('CloudWatch', () => {
  it('moves the time of an update, not that of the transition, when a state is set again', async () => {
    const { client, alarm, set, clock } = await start();
    await alarm('cpu');
    await set('cpu', 'OK');
    clock.advance(60_000);
    await set('cpu', 'OK');
    const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({ AlarmNames: ['cpu'] }));
    const at = clock.now();
    expect(MetricAlarms).toMatchObject([
      { StateUpdatedTimestamp: new Date(at), StateTransitionedTimestamp: new Date(at - 60_000) },
    ]);
  });

  it('keeps the history of an alarm that was deleted', async () => {
    const { client, alarm, set } = await start();
    await alarm('cpu');
    await set('cpu', 'ALARM');
    await client.send(new DeleteAlarmsCommand({ AlarmNames: ['cpu'] }));
    const of = async (AlarmName: string, more: object = {}) =>
      (
        (await client.send(new DescribeAlarmHistoryCommand({ AlarmName, ...more }))).AlarmHistoryItems ?? []
      ).map(({ HistorySummary }) => HistorySummary);
    expect(await of('cpu')).toEqual([
      'Alarm "cpu" deleted',
      'Alarm updated from INSUFFICIENT_DATA to ALARM',
      'Alarm "cpu" created',
    ]);
    expect(await of('cpu', { MaxRecords: 1 })).toEqual(['Alarm "cpu" deleted']);
    expect(await of('cpu', { AlarmTypes: ['CompositeAlarm'] })).toEqual([]);
    expect(await of('disk')).toEqual([]);
  });

  it('reports the creation, each change of state and the end of an alarm', async () => {
    const { client, alarm, set, events } = await start();
    await alarm('cpu', { Tags: [{ Key: 'severity', Value: 'high' }] });
    await set('cpu', 'ALARM');
    await set('cpu', 'ALARM');
    await alarm('cpu');
    await client.send(new DeleteAlarmsCommand({ AlarmNames: ['cpu'] }));
    expect(events.map(({ detail }) => detail['operation'] ?? 'state')).toEqual([
      'create',
      'state',
      'update',
      'delete',
    ]);
    expect(events[1]).toMatchObject({
      source: 'aws.cloudwatch',
      detailType: 'CloudWatch Alarm State Change',
      resources: ['arn:aws:cloudwatch:us-east-1:000000000000:alarm:cpu'],
      detail: {
        alarmName: 'cpu',
        alarmTags: { severity: 'high' },
        previousState: { value: 'INSUFFICIENT_DATA' },
        state: { value: 'ALARM', reason: 'is ALARM', timestamp: '2001-09-09T01:46:40.000+0000' },
        configuration: {
          description: 'CPU of the web servers',
          metrics: [{ metricStat: { metric: { dimensions: { InstanceId: 'i-1' } }, stat: 'Average' } }],
        },
      },
    });
    expect(events[3]).toMatchObject({ detail: { operation: 'delete', state: { value: 'ALARM' } } });
  });

  it('runs the actions of the new state on topics, unless they are switched off', async () => {
    const { alarm, set, delivered } = await start();
    await alarm('loud', { AlarmActions: [topicArn], OKActions: [] });
    await alarm('quiet', { AlarmActions: [topicArn], ActionsEnabled: false });
    for (const name of ['loud', 'quiet']) {
      await set(name, 'ALARM');
      await set(name, 'OK');
    }
    expect(delivered).toMatchObject([
      { targetArn: topicArn, subject: 'ALARM: "loud" in US East (N. Virginia)' },
    ]);
    expect(JSON.parse(delivered[0]?.body ?? '')).toMatchObject({
      AlarmName: 'loud',
      AlarmArn: 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:loud',
      NewStateValue: 'ALARM',
      OldStateValue: 'INSUFFICIENT_DATA',
      Trigger: { Dimensions: [{ name: 'InstanceId', value: 'i-1' }], Statistic: 'AVERAGE' },
    });
  });

  it('reports a composite alarm whose actions are suppressed, and runs none of them', async () => {
    const { server, client, events, delivered } = await start();
    const AlarmRule = 'ALARM("one") OR ALARM("two")';
    const asked = { AlarmName: 'all', AlarmRule, AlarmActions: [topicArn], ActionsSuppressor: 'maintenance' };
    await client.send(new PutCompositeAlarmCommand(asked));
    const suppression = { by: 'WaitPeriod', reason: 'Actions suppressed by WaitPeriod' };
    server.setSuppressedState('all', { value: 'ALARM', reason: 'one is in ALARM' }, suppression);
    expect(events.at(-1)).toMatchObject({
      detail: { state: { actionsSuppressedBy: 'WaitPeriod' }, configuration: { alarmRule: AlarmRule } },
    });
    expect(delivered).toEqual([]);
  });

  it('suppresses the actions of a composite alarm while it waits for its suppressor, and while that sounds', async () => {
    const { client, events, delivered, alarm, set, clock } = await start();
    await alarm('maintenance');
    const Tags = [{ Key: 'severity', Value: 'high' }];
    const AlarmRule = 'ALARM("one")';
    const asked = {
      AlarmName: 'all',
      AlarmRule,
      AlarmActions: [topicArn],
      ActionsSuppressorWaitPeriod: 60,
      Tags,
    };
    await client.send(new PutCompositeAlarmCommand({ ...asked, ActionsSuppressor: 'maintenance' }));
    await set('all', 'ALARM');
    expect(events.at(-1)).toMatchObject({ detail: { state: { actionsSuppressedBy: 'WaitPeriod' } } });
    const by = async () => {
      const AlarmTypes = ['CompositeAlarm' as const];
      const { CompositeAlarms } = await client.send(new DescribeAlarmsCommand({ AlarmTypes }));
      return CompositeAlarms?.map(({ ActionsSuppressedBy }) => ActionsSuppressedBy);
    };
    expect(await by()).toEqual(['WaitPeriod']);
    clock.advance(61_000);
    expect(await by()).toEqual([undefined]);
    await set('maintenance', 'ALARM');
    expect(await by()).toEqual(['Alarm']);
    expect(delivered).toEqual([]);
    const ResourceARN = 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:all';
    expect(await client.send(new ListTagsForResourceCommand({ ResourceARN }))).toMatchObject({ Tags });
  });

  it('describes alarms by name, metric alarms only unless asked otherwise', async () => {
    const { client, alarm, set } = await start();
    await alarm('one');
    await alarm('two');
    await client.send(new PutCompositeAlarmCommand({ AlarmName: 'all', AlarmRule: 'ALARM("one")' }));
    await set('two', 'ALARM');
    const AlarmNames = ['two', 'all', 'gone'];
    const metric = await client.send(new DescribeAlarmsCommand({ AlarmNames }));
    expect(metric.MetricAlarms).toMatchObject([
      {
        AlarmName: 'two',
        StateValue: 'ALARM',
        StateReason: 'is ALARM',
        StateUpdatedTimestamp: new Date(1e12),
      },
    ]);
    expect(metric.CompositeAlarms).toEqual([]);
    const both = await client.send(
      new DescribeAlarmsCommand({ AlarmNames, AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] }),
    );
    expect(both.CompositeAlarms).toMatchObject([{ AlarmName: 'all', StateValue: 'INSUFFICIENT_DATA' }]);
    const ok = await client.send(new DescribeAlarmsCommand({ StateValue: 'ALARM' }));
    expect(ok.MetricAlarms?.map(({ AlarmName }) => AlarmName)).toEqual(['two']);
  });

  it('gives pages, and refuses more than 100 names or records and a token that it never gave', async () => {
    const { client, alarm } = await start();
    for (const name of ['a', 'b', 'c']) await alarm(name);
    const seen: (string | undefined)[] = [];
    let NextToken: string | undefined;
    do {
      const page = await client.send(new DescribeAlarmsCommand({ MaxRecords: 2, NextToken }));
      seen.push(...(page.MetricAlarms ?? []).map(({ AlarmName }) => AlarmName));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    expect(seen).toEqual(['a', 'b', 'c']);
    const AlarmNames = Array.from({ length: 101 }, (_, n) => `n${n}`);
    for (const asked of [{ AlarmNames }, { MaxRecords: 101 }, { NextToken: '!' }])
      await expect(client.send(new DescribeAlarmsCommand(asked))).rejects.toThrow();
  });

  it('answers ResourceNotFound for an alarm that is not there', async () => {
    const { client, set } = await start();
    await expect(set('gone', 'OK')).rejects.toBeInstanceOf(ResourceNotFound);
    await expect(client.send(new DeleteAlarmsCommand({ AlarmNames: ['gone'] }))).rejects.toBeInstanceOf(
      ResourceNotFound,
    );
  });
});

describe('GetMetricData', () => {
  const query = (MetricName: string, value: string) => ({
    Id: 'm1',
    MetricStat: {
      Metric: { Namespace: 'AWS/SQS', MetricName, Dimensions: [{ Name: 'QueueName', Value: value }] },
      Period: 60,
      Stat: 'Maximum',
    },
  });
  const times = { StartTime: new Date('2026-11-29T10:00:00Z'), EndTime: new Date('2026-11-29T10:15:30Z') };

  it('returns the value of a metric for the last period', async () => {
    const { client } = await start();
    const { MetricDataResults } = await client.send(
      new GetMetricDataCommand({ ...times, MetricDataQueries: [query('Age', '42')] }),
    );
    expect(MetricDataResults).toEqual([
      {
        Id: 'm1',
        Label: 'Age',
        Timestamps: [new Date('2026-11-29T10:15:00Z')],
        Values: [42],
        StatusCode: 'Complete',
      },
    ]);
  });

  it('returns no value for a metric without data', async () => {
    const { client } = await start();
    const { MetricDataResults } = await client.send(
      new GetMetricDataCommand({ ...times, MetricDataQueries: [query('Other', '42')] }),
    );
    expect(MetricDataResults).toMatchObject([{ Timestamps: [], Values: [] }]);
  });

  it.each([
    ['an expression', { ...times, MetricDataQueries: [{ Id: 'm1', Expression: 'm2 * 2' }] }],
    [
      'times in the wrong order',
      { StartTime: times.EndTime, EndTime: times.StartTime, MetricDataQueries: [query('Age', '1')] },
    ],
    ['no query', { ...times, MetricDataQueries: [] }],
  ])('refuses %s', async (_, input) => {
    const { client } = await start();
    await expect(client.send(new GetMetricDataCommand(input))).rejects.toMatchObject({
      name: expect.stringMatching(/^Validation/),
    });
  });
});
