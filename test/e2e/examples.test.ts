import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CloudWatchClient, PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import {
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { build } from 'esbuild';
import jsonata from 'jsonata';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { engineFindings } from '../../deploy/check/engine-findings.ts';
import { stackResources } from '../../emulator/aws/template/stack-resources.ts';
import { asTemplate } from '../../emulator/aws/template/template.ts';
import { until } from '../until.ts';
import { alarmEvent, alarmNotification } from './alarms.ts';
import { endpoints, held, invoke, s3, sqs, uniqueWord, untilQueueIsEmpty } from './running-stack.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(resolve(root, 'examples', file), 'utf8');
const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
const eventBridge = new EventBridgeClient({ ...local, endpoint: endpoints.eventBridge.endpoint });
const cloudWatch = new CloudWatchClient({ ...local, endpoint: endpoints.cloudWatch.endpoint });
const sns = new SNSClient({ ...local, endpoint: endpoints.sns.endpoint });

const arnOf = (queueUrl = '') => `arn:aws:sqs:us-east-1:000000000000:${queueUrl.split('/').at(-1)}`;

/** What CloudFormation would be given. */
const parameters: Readonly<Record<string, string>> = {
  RecordsQueueArn: arnOf(endpoints.sqs.recordsQueueUrl),
  EventsQueueArn: arnOf(endpoints.sqs.eventsQueueUrl),
  EventsQueueUrl: endpoints.sqs.eventsQueueUrl ?? '',
  InstanceId: 'i-0123456789abcdef0',
  OrdersQueueArn: 'arn:aws:sqs:us-east-1:000000000000:orders',
};

/** The short forms of CloudFormation's functions. */
const customTags = ['Ref', 'GetAtt', 'Sub'].map((name) => ({
  tag: `!${name}`,
  resolve: (text: string) => {
    if (name === 'Ref') return { Ref: text };
    return { [`Fn::${name}`]: name === 'GetAtt' ? text.split('.') : text };
  },
}));

/** A template of an example with its parameters set. */
function templateOf(folder: string) {
  const template = asTemplate(parse(read(`${folder}/template.yaml`), { customTags }));
  for (const [name, parameter] of Object.entries(template.Parameters)) parameter.Default = parameters[name];
  return template;
}

const resourcesOf = (folder: string) =>
  stackResources(templateOf(folder), {
    region: 'us-east-1',
    accountId: '000000000000',
    sqsEndpoint: endpoints.sqs.endpoint,
  });

/** Waits until the instance holds exactly one such record. */
async function untilHeld(table: string, query: string): Promise<Record<string, unknown>> {
  return until(async () => {
    const found = await held(table, query);
    expect(found).toHaveLength(1);
    return found[0] ?? {};
  });
}

it('are all listed in examples/README.md', () => {
  const folders = readdirSync(resolve(root, 'examples')).filter((name) => name !== 'README.md');
  const listed = Array.from(read('README.md').matchAll(/^\| \[([\w-]+)\]\(\1\) \|/gm), ([, name]) => name);
  expect(listed.toSorted()).toEqual(folders.toSorted());
  for (const folder of folders) expect(read(`${folder}/README.md`)).toMatch(/^# /);
});

describe('the templates', () => {
  const folders = readdirSync(resolve(root, 'examples')).filter(
    (name) => name !== 'README.md' && readdirSync(resolve(root, 'examples', name)).includes('template.yaml'),
  );

  it.each(folders)('of %s is one that CloudFormation takes', (folder) => {
    expect(engineFindings(templateOf(folder), 'us-east-1')).toEqual([]);
  });
});

describe('alarm-incident', () => {
  it('opens an incident for the group of its tag, and resolves it', async () => {
    const { AlarmName, Tags, ...metric } = z
      .object({
        AlarmName: z.string(),
        AlarmDescription: z.string(),
        Namespace: z.string(),
        MetricName: z.string(),
        Statistic: z.enum(['Average']),
        Period: z.number(),
        EvaluationPeriods: z.number(),
        Threshold: z.number(),
        ComparisonOperator: z.enum(['GreaterThanThreshold']),
        Tags: z.array(z.object({ Key: z.string(), Value: z.string() })),
      })
      .parse(templateOf('alarm-incident').Resources['WebCpu']?.Properties);
    await cloudWatch.send(new PutMetricAlarmCommand({ AlarmName, Tags, ...metric }));
    const set = (StateValue: 'ALARM' | 'OK') =>
      cloudWatch.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: 'A test' }));
    const found = `short_descriptionLIKE${AlarmName}^assignment_group.name=Hardware^urgency=1`;
    await set('ALARM');
    await untilHeld('incident', `${found}^state=1`);
    await set('OK');
    await untilHeld('incident', `${found}^state=6`);
  });
});

describe('eventbridge-rule', () => {
  it('makes one incident of an event', async () => {
    const [rule] = resourcesOf('eventbridge-rule').rules;
    if (!rule) throw new Error('no rule');
    await eventBridge.send(new PutRuleCommand({ Name: rule.name, EventPattern: rule.pattern }));
    await eventBridge.send(new PutTargetsCommand({ Rule: rule.name, Targets: [...rule.targets] }));
    const [entry] = z
      .array(z.object({ Source: z.string(), DetailType: z.string(), Detail: z.string() }))
      .parse(JSON.parse(read('eventbridge-rule/events.json')));
    await eventBridge.send(new PutEventsCommand({ Entries: [{ ...entry }] }));
    expect(await untilHeld('incident', 'short_description=Order A-4711 failed^urgency=2')).toMatchObject({
      description: 'The payment was declined',
    });
  });
});

describe('sns-subscription', () => {
  it('makes incidents of what both topics publish', async () => {
    const { subscriptions, topicArns } = resourcesOf('sns-subscription').sns;
    for (const arn of topicArns) await sns.send(new CreateTopicCommand({ Name: arn.split(':').at(-1) }));
    for (const { topicArn: TopicArn, protocol: Protocol, endpoint: Endpoint, attributes } of subscriptions)
      await sns.send(new SubscribeCommand({ TopicArn, Protocol, Endpoint, Attributes: { ...attributes } }));
    expect(subscriptions.map(({ attributes }) => attributes)).toEqual([{}, { RawMessageDelivery: 'true' }]);
    for (const TopicArn of topicArns) {
      const [notified, event] = [uniqueWord(), uniqueWord()];
      const messages = [alarmNotification(notified, 'ALARM', 0), alarmEvent(event, 'ALARM', 0)];
      for (const message of messages)
        await sns.send(new PublishCommand({ TopicArn, Message: JSON.stringify(message) }));
      await untilHeld('incident', `short_descriptionLIKE${notified}`);
      await untilHeld('incident', `short_descriptionLIKE${event}`);
      await sns.send(new PublishCommand({ TopicArn, Message: read('sns-subscription/message.json') }));
    }
    await untilHeld('incident', 'short_description=The nightly backup has stopped');
  });
});

describe('pipe', () => {
  it('makes one incident of an order, however often it fails', async () => {
    const { OrdersToServiceNow } = templateOf('pipe').Resources;
    const { InputTemplate } = z
      .object({ InputTemplate: z.string() })
      .parse(OrdersToServiceNow?.Properties['TargetParameters']);
    const order = uniqueWord();
    const body: Readonly<Record<string, string>> = { order, reason: 'The payment was declined' };
    const MessageBody = InputTemplate.replaceAll(/<\$\.body\.(\w+)>/g, (_, name: string) => body[name] ?? '');
    for (const _ of [1, 2])
      await sqs.send(new SendMessageCommand({ QueueUrl: endpoints.sqs.recordsQueueUrl, MessageBody }));
    await untilQueueIsEmpty();
    await untilHeld('incident', `short_description=Order ${order} failed^description=${body['reason']}`);
  });
});

describe('api-gateway', () => {
  it('makes one incident of an event, however often it is posted', async () => {
    const { ToEventsQueue, PostEvent } = templateOf('api-gateway').Resources;
    const { RequestParameters } = z
      .object({
        IntegrationSubtype: z.literal('SQS-SendMessage'),
        RequestParameters: z.strictObject({
          QueueUrl: z.strictObject({ Ref: z.literal('EventsQueueUrl') }),
          MessageBody: z.literal('$request.body'),
        }),
      })
      .parse(ToEventsQueue?.Properties);
    expect(PostEvent?.Properties).toMatchObject({ AuthorizationType: 'AWS_IAM' });
    const QueueUrl = parameters[RequestParameters.QueueUrl.Ref];
    const body = read('api-gateway/event.json');
    for (const _ of [1, 2]) await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
    await untilHeld('incident', 'short_description=The disk of web-01 is full^urgency=2^impact=2');
  });
});

describe('step-functions', () => {
  const Task = z.object({
    Resource: z.string(),
    Arguments: z.unknown(),
    Output: z.unknown(),
    Next: z.string().optional(),
    End: z.literal(true).optional(),
  });
  const Machine = z.object({
    QueryLanguage: z.literal('JSONata'),
    StartAt: z.string(),
    States: z.record(z.string(), Task),
  });
  const Sent = z.object({ QueueUrl: z.url(), MessageBody: z.record(z.string(), z.unknown()) });
  const Invoked = z.object({ FunctionName: z.string(), Payload: z.record(z.string(), z.unknown()) });

  /** Puts the value of every expression in its place. */
  async function evaluate(value: unknown, states: object): Promise<unknown> {
    if (typeof value === 'string') {
      const inner = /^\{%(.*)%\}$/s.exec(value)?.[1];
      return inner === undefined ? value : jsonata(inner).evaluate({}, { states });
    }
    if (Array.isArray(value)) return Promise.all(value.map((one) => evaluate(one, states)));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(async ([name, one]) => [name, await evaluate(one, states)]);
    return Object.fromEntries(await Promise.all(entries));
  }

  /** What Step Functions does for the two integrations. */
  async function carryOut(resource: string, given: unknown): Promise<unknown> {
    if (resource === 'arn:aws:states:::sqs:sendMessage') {
      const MessageBody = JSON.stringify(Sent.parse(given).MessageBody);
      return sqs.send(new SendMessageCommand({ QueueUrl: endpoints.sqs.recordsQueueUrl, MessageBody }));
    }
    expect(resource).toBe('arn:aws:states:::lambda:invoke');
    const { FunctionName, Payload } = Invoked.parse(given);
    const invoked = await invoke(FunctionName.replace('servicenow-functions-dev-', ''), Payload);
    if (invoked.errorType !== undefined) throw new Error(`${invoked.errorType}: ${invoked.errorMessage}`);
    return { Payload: invoked.data };
  }

  async function execute(input: unknown, name: string): Promise<unknown> {
    const { StartAt, States } = Machine.parse(JSON.parse(read('step-functions/state-machine.asl.json')));
    const context = { Execution: { Name: name } };
    let current = input;
    for (let at: string | undefined = StartAt; at !== undefined; at = States[at]?.Next) {
      const state = Task.parse(States[at]);
      expect(state.Next === undefined).toBe(state.End === true);
      const result = await carryOut(
        state.Resource,
        await evaluate(state.Arguments, { input: current, context }),
      );
      current = await evaluate(state.Output, { input: current, context, result });
    }
    return current;
  }

  it('sends a message and creates a record, once each for an execution', async () => {
    const [order, name] = [uniqueWord(), crypto.randomUUID()];
    const output = await execute({ order }, name);
    expect(await execute({ order }, name)).toEqual(output);
    await untilQueueIsEmpty();
    await untilHeld('incident', `short_description=Order ${order} is late^urgency=3`);
    const { number } = await untilHeld('incident', `short_description=Order ${order} failed^urgency=2`);
    expect(output).toEqual({ number });
  });
});

describe('the CSV files', () => {
  const Bucket = endpoints.s3.bucket;
  const Summary = z.object({ status: z.string(), counts: z.record(z.string(), z.number()) });

  /** Drops the files of an example; gives the summary of the import. */
  async function importExample(example: string, file: string, folder: string) {
    const word = uniqueWord();
    const put = (name: string, as: string) =>
      s3.send(
        new PutObjectCommand({ Bucket, Key: `imports/${folder}/${as}`, Body: read(`${example}/${name}`) }),
      );
    await put('_import.json', '_import.json');
    await put(file, `${word}.csv`);
    const Prefix = `results/${folder.toLowerCase()}/${word}/`;
    const Key = await until(async () => {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
      const found = Contents.find((one) => one.Key?.endsWith('/summary.json'));
      if (!found) throw new Error(`no summary below ${Prefix}`);
      return found.Key;
    });
    const text = await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
    return Summary.parse(JSON.parse(text ?? ''));
  }

  it('of people-csv become people', async () => {
    // Settings in imports/imp_user/ would count for the files of other tests.
    const summary = await importExample('people-csv', 'people.csv', 'IMP_USER');
    expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 2, error: 0, rejected: 0 } });
    expect(await untilHeld('sys_user', 'user_name=bo.example')).toMatchObject({ first_name: 'Bo' });
  });

  it('of cmdb-csv become computers with their dates', async () => {
    const summary = await importExample('cmdb-csv', 'computers.csv', 'imp_computer');
    expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 2, error: 0, rejected: 0 } });
    expect(await untilHeld('cmdb_ci_computer', 'serial_number=CSV-4711')).toMatchObject({
      name: 'web-01.example.com',
      ram: '65536',
      warranty_expiration: '2027-12-24',
      install_status: '1',
    });
  });
});

describe('client-lambda', () => {
  const Handler = z.object({ handler: z.custom<(event: object) => Promise<unknown>>() });

  it('counts the open incidents of a group with the secret of the deployment', async () => {
    const { outputFiles } = await build({
      entryPoints: [resolve(root, 'examples/client-lambda/index.mjs')],
      alias: { 'servicenow-functions': resolve(root, 'lib/servicenow/index.ts') },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      mainFields: ['module', 'main'],
      banner: {
        js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire('file:///');",
      },
    });
    vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', endpoints.secretsManager.endpoint);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
    vi.stubEnv('SECRET_ID', 'servicenow-functions/dev');
    vi.stubEnv('ALLOWED_HOSTS', '127.0.0.1');
    onTestFinished(() => void vi.unstubAllEnvs());
    const code = Buffer.from(outputFiles[0]?.contents ?? []).toString('base64');
    const { handler } = Handler.parse(await import(`data:text/javascript;base64,${code}`));
    const open = await held('incident', 'active=true^assignment_group.name=Hardware');
    const counts = z.record(z.string(), z.number()).parse(await handler({ group: 'Hardware' }));
    expect(open.length).toBeGreaterThan(0);
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(open.length);
  });
});
