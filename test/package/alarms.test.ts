import { readdir, readFile } from 'node:fs/promises';
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import * as z from 'zod';
import { checkedAccount, deployedTemplate, withParameters } from '../../deploy/check/deployed-template.ts';
import { packageFunctions } from '../../deploy/package.ts';
import { measureQueues } from '../../emulator/aws/sqs/queue-metrics.ts';
import { createResolver } from '../../emulator/aws/template/resolve.ts';
import { asTemplate, readTemplate, type Template } from '../../emulator/aws/template/template.ts';
import { createEmfMetrics } from '../../lib/aws/telemetry.ts';
import { readConfig } from '../../lib/core/config.ts';
import { silentLog } from '../../lib/core/log.ts';
import type { MetricName } from '../../lib/core/metrics.ts';
import { startSqsFixture } from '../emulator/aws/sqs/local-sqs.ts';

const alarmSchema = z.object({
  AlarmName: z.string(),
  AlarmDescription: z.string(),
  AlarmActions: z.tuple([z.string()]),
  OKActions: z.tuple([z.string()]),
  Namespace: z.string(),
  MetricName: z.string(),
  Dimensions: z.tuple([z.object({ Name: z.string(), Value: z.string() })]),
  Statistic: z.enum(['Maximum', 'Sum']),
  Period: z.literal(300),
  EvaluationPeriods: z.number(),
  DatapointsToAlarm: z.number().optional(),
  Threshold: z.number(),
  ComparisonOperator: z.literal('GreaterThanThreshold'),
  TreatMissingData: z.literal('notBreaching'),
});

let whole: Template;
beforeAll(async () => {
  whole = await readTemplate((await packageFunctions()).templateFile);
});

const topic = 'arn:aws:sns:us-east-1:000000000000:on-call';

/** The alarms of a deployment, every reference resolved. */
function alarmsWith(parameters: Readonly<Record<string, string>>) {
  const template = withParameters(whole, parameters);
  const { Resources } = asTemplate(deployedTemplate(template));
  const { resolve } = createResolver(template, { region: 'us-east-1', ...checkedAccount });
  return Object.values(Resources)
    .filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm')
    .map(({ Properties }) => alarmSchema.parse(resolve(Properties)));
}

const everything = { AlarmTopicArn: topic, RecordsFifo: 'true' };
const alarmOn = (metric: string, value: string) =>
  alarmsWith(everything).filter(
    ({ MetricName, Dimensions }) => MetricName === metric && Dimensions[0].Value === value,
  );

describe('the alarms', () => {
  it('are not there without a topic, and cost at most 1.60 dollars a month with one', () => {
    expect(alarmsWith({})).toEqual([]);
    expect(alarmsWith({ AlarmTopicArn: topic })).toHaveLength(16);
  });

  it('leave out what a deployment leaves out', () => {
    const names = (more: Readonly<Record<string, string>>) =>
      alarmsWith({ AlarmTopicArn: topic, ...more }).map(({ AlarmName }) => AlarmName);
    expect(names({ Imports: 'false' }).filter((name) => name.includes('import'))).toEqual([]);
    expect(names({ Http: 'false' })).not.toContain('servicenow-functions-dev-api-errors');
    expect(names({ Events: 'false' })).not.toContain('servicenow-functions-dev-fifo-dead-letters');
    expect(names({ Events: 'false' }).filter((name) => /event|reconcile/.test(name))).toEqual([]);
  });

  it('say that messages wait until none was deferred for half an hour, however far apart their receives are', () => {
    const [alarm] = alarmsWith(everything).filter(({ AlarmName }) => AlarmName.endsWith('deferred-messages'));
    const { EvaluationPeriods = 0, DatapointsToAlarm = 0, Threshold = 0 } = alarm ?? {};
    const raised = (counts: readonly number[]) =>
      counts.map((_, at) => {
        const seen = counts.slice(Math.max(0, at + 1 - EvaluationPeriods), at + 1);
        return seen.filter((count) => count > Threshold).length >= DatapointsToAlarm;
      });
    const everyFifteenMinutes = Array.from({ length: 30 }, (_, period) =>
      period < 2 || period % 3 === 1 ? 1 : 0,
    );
    expect(raised(everyFifteenMinutes)).toEqual([false, ...Array.from({ length: 29 }, () => true)]);
    expect(raised([1, 0, 0, 0, 0, 0, 0, 0])).not.toContain(true);
    expect(raised([1, 1, ...Array.from({ length: 7 }, () => 0)]).at(-1)).toBe(false);
  });

  it('go to the topic, also when they end', () => {
    for (const { AlarmActions, OKActions } of alarmsWith(everything))
      expect([AlarmActions, OKActions]).toEqual([[topic], [topic]]);
  });

  it('each link a runbook that exists, is listed and says what to look at and to do', async () => {
    const index = await readFile('docs/runbooks/README.md', 'utf8');
    const linked = new Set<string>();
    const urls = { ...everything, RunbookUrl: 'https://example.com/runbooks/' };
    for (const { AlarmName, AlarmDescription } of alarmsWith(urls)) {
      const [, file = ''] = /Runbook: https:\/\/example\.com\/runbooks\/(\S+)$/.exec(AlarmDescription) ?? [];
      expect([AlarmName, file]).toEqual([AlarmName, expect.stringMatching(/^[a-z-]+\.md$/)]);
      linked.add(file);
      const text = await readFile(`docs/runbooks/${file}`, 'utf8');
      expect(text).toMatch(/\*\*What happened\.\*\*[\s\S]*\*\*Look\.\*\*/);
      expect(index).toContain(`\`${AlarmName.replace('servicenow-functions-dev-', '')}\``);
    }
    const files = (await readdir('docs/runbooks')).filter((file) => file !== 'README.md');
    expect(files.toSorted()).toEqual([...linked].toSorted());
  });

  it.each([
    ['RecordsDeadLetterQueue', 'ApproximateNumberOfMessagesVisible'],
    ['RecordsFifoDeadLetterQueue.fifo', 'ApproximateNumberOfMessagesVisible'],
    ['EventsDeadLetterQueue', 'ApproximateNumberOfMessagesVisible'],
    ['CallDeadLetterQueue', 'ApproximateNumberOfMessagesVisible'],
    ['ImportDeadLetterQueue', 'ApproximateNumberOfMessagesVisible'],
    ['RecordsQueue', 'ApproximateAgeOfOldestMessage'],
    ['RecordsFifoQueue.fifo', 'ApproximateAgeOfOldestMessage'],
    ['EventsQueue', 'ApproximateAgeOfOldestMessage'],
    ['servicenow-functions-dev-writeRecords', 'Errors'],
    ['servicenow-functions-dev-writeRecords', 'Throttles'],
    ['servicenow-functions-dev-mapEvents', 'Errors'],
  ])('watch %s by %s', (value, metric) => {
    expect(alarmOn(metric, value)).toHaveLength(1);
  });

  it.each<[MetricName, string]>([
    ['ImportsStopped', 'stopped-imports'],
    ['CredentialRejections', 'rejected-credentials'],
    ['DeferredByOutage', 'deferred-messages'],
    ['ReconcileFailures', 'reconcile-failures'],
  ])('fire for the metric %s as a function writes it', (metric, name) => {
    const line = metricLine(metric);
    const [alarm] = alarmsWith(everything).filter(({ AlarmName }) => AlarmName.endsWith(name));
    const [written] = line._aws.CloudWatchMetrics;
    expect(alarm?.Namespace).toBe(written.Namespace);
    expect(alarm?.MetricName).toBe(metric);
    const { Name = '', Value = '' } = alarm?.Dimensions[0] ?? {};
    expect(written.Dimensions).toEqual([[Name]]);
    expect(line[Name]).toBe(Value);
    expect(Number(line[metric])).toBeGreaterThan(alarm?.Threshold ?? Number.POSITIVE_INFINITY);
  });

  it('keep what failed for good where an alarm sees it: each writing function, each schedule and the executions of imports', () => {
    const functions = Object.entries(whole.Resources).filter(
      ([, { Type }]) => Type === 'AWS::Lambda::Function',
    );
    const kept = functions.filter(([, { Properties }]) => 'DeadLetterConfig' in Properties);
    const names = kept.map(([id]) => id.replace('LambdaFunction', ''));
    expect(names).toEqual(
      expect.arrayContaining(['ImportCsv', 'ReconcileEvents', 'RedriveRecords', 'RedropImports']),
    );
    for (const [id] of functions.filter(([name]) => /^(Post|Put|Patch|Delete)/.test(name)))
      expect(names).toContain(id.replace('LambdaFunction', ''));
    for (const name of names) {
      const role = JSON.stringify(whole.Resources[`${name}IamRoleLambdaExecution`]);
      expect(role).toContain('"CallDeadLetterQueue"');
    }
  });
});

type Alarm = z.infer<typeof alarmSchema>;

/** The state of an alarm after the last of its periods; undefined is a period without data. */
function stateOf(alarm: Alarm, values: readonly (number | undefined)[]): 'ALARM' | 'OK' {
  const { EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods, Threshold } = alarm;
  const beyond = values.slice(-EvaluationPeriods).filter((value) => value !== undefined && value > Threshold);
  return beyond.length >= DatapointsToAlarm ? 'ALARM' : 'OK';
}

/** What the local stack measures of an alarm’s metric: before, while and after something is wrong, three periods each. */
type Course = Readonly<Record<'before' | 'wrong' | 'after', readonly (number | undefined)[]>>;

/** A message waits in the queue, and is taken out of it. */
async function courseOfQueue({ MetricName: name, Dimensions, Period }: Alarm): Promise<Course> {
  let nowMs = Date.now();
  const clock = { now: () => nowMs, sleep: async () => {} };
  const { sqs, client, queue, close } = await startSqsFixture(clock);
  onTestFinished(close);
  const [{ Name, Value }] = Dimensions;
  const QueueUrl = await queue(Value, Value.endsWith('.fifo') ? { FifoQueue: 'true' } : {});
  const measure = measureQueues(sqs.state);
  const threePeriods = () =>
    [1, 2, 3].map(() => {
      nowMs += Period * 1_000;
      return measure({ namespace: 'AWS/SQS', name, dimensions: { [Name]: Value } });
    });
  const before = threePeriods();
  const fifo = { MessageGroupId: 'g', MessageDeduplicationId: 'd' };
  await client.send(
    new SendMessageCommand({ QueueUrl, MessageBody: '{}', ...(Value.endsWith('.fifo') && fifo) }),
  );
  // What waits for less is not late.
  nowMs += name === 'ApproximateAgeOfOldestMessage' ? 900_000 : 0;
  const wrong = threePeriods();
  const { Messages: [message] = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
  await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle }));
  return { before, wrong, after: threePeriods() };
}

/** A function counts once in each period, in the lines that CloudWatch reads metrics from. */
function courseOfFigure({ Namespace, MetricName: metric, Dimensions: [{ Name, Value }] }: Alarm): Course {
  const read = () => {
    const line = metricLine(z.custom<MetricName>().parse(metric));
    const [{ Namespace: written, Dimensions }] = line._aws.CloudWatchMetrics;
    const isThisOne = written === Namespace && Dimensions.flat().join() === Name && line[Name] === Value;
    return isThisOne ? Number(line[metric]) : undefined;
  };
  const none = [undefined, undefined, undefined];
  return { before: none, wrong: [read(), read(), read()], after: Array.from({ length: 7 }, () => undefined) };
}

/** What AWS alone counts: failed and refused calls of a function or an API. */
const courseOfAws: Course = { before: [0, undefined, 0], wrong: [6, 7, 6], after: [0, 0, undefined] };

async function courseOf(alarm: Alarm): Promise<Course> {
  if (alarm.Namespace === 'AWS/SQS') return courseOfQueue(alarm);
  return alarm.Namespace.startsWith('AWS/') ? courseOfAws : courseOfFigure(alarm);
}

const runbooks = (await readdir('docs/runbooks')).filter((file) => file !== 'README.md');

it.each(runbooks)('each alarm of %s goes off when that happens, and ends', async (runbook) => {
  const alarms = alarmsWith(everything).filter((one) => one.AlarmDescription.endsWith(runbook));
  expect(alarms).not.toEqual([]);
  for (const alarm of alarms) {
    const { before, wrong, after } = await courseOf(alarm);
    const states = [before, [...before, ...wrong], [...before, ...wrong, ...after]].map((values) =>
      stateOf(alarm, values),
    );
    expect([alarm.AlarmName, ...states]).toEqual([alarm.AlarmName, 'OK', 'ALARM', 'OK']);
  }
});

const lineSchema = z.looseObject({
  _aws: z.object({
    CloudWatchMetrics: z.tuple([
      z.object({ Namespace: z.string(), Dimensions: z.array(z.array(z.string())) }),
    ]),
  }),
});

/** The line that a deployed function writes when it counts once. */
function metricLine(metric: MetricName) {
  const lines: string[] = [];
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  const console = vi.spyOn(globalThis.console, 'log').mockImplementation((text) => void lines.push(text));
  onTestFinished(() => {
    spy.mockRestore();
    console.mockRestore();
  });
  const { deployment } = readConfig(variablesOf());
  const metrics = createEmfMetrics({ deployment, functionName: 'importCsv', choice: 'alarms' }, silentLog);
  metrics.add(metric);
  metrics.flush();
  return lineSchema.parse(JSON.parse(lines.join('')));
}

/** As the template gives them to the functions. */
function variablesOf(): Record<string, string> {
  const { resolve } = createResolver(whole, { region: 'us-east-1', ...checkedAccount });
  const { Variables } = z
    .object({ Variables: z.record(z.string(), z.string()) })
    .parse(resolve(whole.Resources['WriteRecordsLambdaFunction']?.Properties['Environment']));
  return Variables;
}
