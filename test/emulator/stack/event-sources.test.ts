import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { CloudWatchClient, PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { expect, it, onTestFinished } from 'vitest';
import type { LambdaHost } from '../../../emulator/aws/lambda/host.ts';
import { silentLog } from '../../../emulator/aws/log.ts';
import { startSqs } from '../../../emulator/aws/sqs/sqs.ts';
import { type StackResources, stackResources } from '../../../emulator/aws/template/stack-resources.ts';
import { startEventSources } from '../../../emulator/stack/event-sources.ts';

const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
const arnOf = (id: string) => ({ 'Fn::GetAtt': [id, 'Arn'] });

/** A queue that a rule for alarms, and a topic, send to; `allowed` may send by its policy. */
function resources(allowed: readonly string[]): StackResources {
  const target = { Id: 'queue', Arn: arnOf('Queue'), DeadLetterConfig: { Arn: arnOf('Letters') } };
  const allow = (id: string) => ({
    Effect: 'Allow',
    Principal: { Service: id === 'Topic' ? 'sns.amazonaws.com' : 'events.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Condition: { ArnEquals: { 'aws:SourceArn': id === 'Topic' ? { Ref: 'Topic' } : arnOf(id) } },
  });
  const policyOf = (queue: string, ids: readonly string[]) => ({
    Type: 'AWS::SQS::QueuePolicy',
    Properties: { Queues: [{ Ref: queue }], PolicyDocument: { Statement: ids.map(allow) } },
  });
  return stackResources(
    {
      Parameters: {},
      Conditions: {},
      Resources: {
        Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'queue' } },
        Letters: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'letters' } },
        QueuePolicy: policyOf('Queue', allowed),
        LettersPolicy: policyOf('Letters', ['Alarms']),
        Alarms: {
          Type: 'AWS::Events::Rule',
          Properties: { EventPattern: { source: ['aws.cloudwatch'] }, Targets: [target] },
        },
        Calls: {
          Type: 'AWS::Events::Rule',
          Properties: {
            EventPattern: { source: ['com.example'] },
            Targets: [
              { Id: 'fn', Arn: 'arn:aws:lambda:us-east-1:000000000000:function:fn', InputPath: '$.detail' },
            ],
          },
        },
        Topic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'alarms' } },
        Subscription: {
          Type: 'AWS::SNS::Subscription',
          Properties: { TopicArn: { Ref: 'Topic' }, Protocol: 'sqs', Endpoint: arnOf('Queue') },
        },
      },
    },
    { region: 'us-east-1', accountId: '000000000000', sqsEndpoint: 'http://127.0.0.1:1' },
  );
}

async function start(allowed: readonly string[], enforceQueuePolicies = true) {
  const opened = new AsyncDisposableStack();
  const dataFolder = await mkdtemp(join(tmpdir(), 'event-sources-'));
  opened.defer(() => rm(dataFolder, { recursive: true }));
  const sqs = opened.adopt(await startSqs(), (one) => one.close());
  const sources = await startEventSources(
    { dataFolder, ports: {}, sqs, enforceQueuePolicies, log: silentLog },
    opened,
  );
  onTestFinished(() => opened.disposeAsync());
  const template = resources(allowed);
  for (const { name, attributes } of template.queues) sqs.state.queues.put(name, attributes, 0);
  const invoked: unknown[] = [];
  const host: Pick<LambdaHost, 'invoke'> = {
    async invoke(functionArn, event) {
      invoked.push({ functionArn, event });
      return { payload: Buffer.from('null') };
    },
  };
  sources.connect(template, host);
  const cloudWatch = new CloudWatchClient({ ...local, endpoint: sources.cloudWatch.url });
  const eventBridge = new EventBridgeClient({ ...local, endpoint: sources.eventBridge.url });
  onTestFinished(() => {
    cloudWatch.destroy();
    eventBridge.destroy();
  });
  return {
    invoked,
    eventBridge,
    /** An alarm that goes off, with the topic as its action. */
    async goOff() {
      const alarm = {
        AlarmName: 'cpu',
        MetricName: 'm',
        Namespace: 'n',
        Period: 60,
        EvaluationPeriods: 1,
        Threshold: 1,
      };
      const AlarmActions = ['arn:aws:sns:us-east-1:000000000000:alarms'];
      const ComparisonOperator = 'GreaterThanThreshold';
      await cloudWatch.send(
        new PutMetricAlarmCommand({ ...alarm, Statistic: 'Sum', AlarmActions, ComparisonOperator }),
      );
      await cloudWatch.send(
        new SetAlarmStateCommand({ AlarmName: 'cpu', StateValue: 'ALARM', StateReason: 'high' }),
      );
    },
    async bodies(name: string): Promise<unknown[]> {
      const queue = sqs.state.queues.find(name);
      if (!queue) throw new Error(`no queue ${name}`);
      const options = { most: 10, waitSeconds: 0, visibilitySeconds: 0 };
      const received = await sqs.state.receive(queue, options, new AbortController().signal);
      return received.map(({ body }) => JSON.parse(body));
    },
  };
}

it('lets an alarm that goes off reach the queue by a rule and by a topic', async () => {
  const { goOff, bodies } = await start(['Alarms', 'Topic']);
  await goOff();
  expect(await bodies('queue')).toMatchObject([
    { 'detail-type': 'CloudWatch Alarm Configuration Change' },
    { 'detail-type': 'CloudWatch Alarm State Change', detail: { state: { value: 'ALARM' } } },
    { Type: 'Notification', Subject: 'ALARM: "cpu" in US East (N. Virginia)' },
  ]);
});

it('refuses what the policy of the queue does not allow, as AWS does', async () => {
  const { goOff, bodies } = await start([]);
  await goOff();
  expect(await bodies('queue')).toEqual([]);
  expect(await bodies('letters')).toHaveLength(2);
});

it('delivers it all the same when policies are not enforced', async () => {
  const { goOff, bodies } = await start([], false);
  await goOff();
  expect(await bodies('queue')).toHaveLength(3);
});

it('calls a function that is the target of a rule', async () => {
  const { eventBridge, invoked } = await start([]);
  const entry = { Source: 'com.example', DetailType: 'x', Detail: '{"n":1}' };
  await eventBridge.send(new PutEventsCommand({ Entries: [entry] }));
  await turn();
  expect(invoked).toEqual([
    { functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:fn', event: { n: 1 } },
  ]);
});
