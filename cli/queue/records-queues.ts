import { GetQueueUrlCommand, QueueDoesNotExist, SQSClient } from '@aws-sdk/client-sqs';
import { UsageError } from '../command-line.ts';
import { explainError } from '../explain-error.ts';
import { findOwnStack, findStackAt, requireRunningStack, useLocalStack } from '../local-aws.ts';
import { listRunningStacks, type RunningStack } from '../running-stack.ts';
import { findDeployment } from './deployment.ts';
import type { DeadLetterQueue, RecordsQueues } from './found-queues.ts';

/** How a command line names the queues: by name or URL, by the folder of a local stack, or by a deployment's stack. */
export type QueueOptions = {
  readonly stack?: string | undefined;
  readonly queue?: string | undefined;
  readonly dlq?: string | undefined;
  readonly stateTable?: string | undefined;
  /** A deployment on AWS in place of a local stack. */
  readonly stackName?: string | undefined;
  readonly region?: string | undefined;
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Finds the queues that a person means: those named by options or environment (RECORDS_QUEUE_URL, RECORDS_DLQ_URL), else those of the
 * local stack that `--stack` names or that was started in the current folder. A name is looked for in that stack first. It turns the AWS
 * SDK of this process to a local stack. With `--stack-name` all are those of a deployment, whatever the environment names.
 * @throws UsageError for options that exclude each other; Error without a stack, and when there is no queue of a name
 */
export async function findRecordsQueues(
  options: QueueOptions,
  environment: Environment,
): Promise<RecordsQueues> {
  const { stackName, region } = options;
  if (stackName !== undefined) {
    const other = (['stack', 'queue', 'dlq', 'state-table'] as const).find((name) => isGiven(options, name));
    if (other !== undefined) throw new UsageError(`--stack-name cannot be given together with --${other}`);
    return findDeployment({ stackName, region });
  }
  if (region !== undefined) throw new UsageError('--region goes with --stack-name');
  const queue = options.queue ?? environment['RECORDS_QUEUE_URL'];
  const dlq = options.dlq ?? environment['RECORDS_DLQ_URL'];
  const stateTable = options.stateTable ?? environment['STATE_TABLE'];
  if (options.stack !== undefined) {
    if ([options.queue, options.dlq].some(isUrl))
      throw new UsageError('--stack cannot be given together with the URL of a queue');
    return ofStack(requireRunningStack(options.stack), options.queue, options.dlq, options.stateTable);
  }
  if (queue === undefined && dlq === undefined) {
    const stack = requireRunningStack(
      undefined,
      ', or name the queues of a deployment with --queue and --dlq',
    );
    return ofStack(stack, queue, dlq, options.stateTable);
  }
  const stack = stackOf(queue, dlq);
  if (stack) return ofStack(stack, queue, dlq, stateTable);
  const find = (named: string) =>
    toUrl(named).catch((error: unknown) => {
      throw notFound([queue, dlq], error);
    });
  const queueUrl = queue === undefined ? '' : await find(queue);
  return {
    queueUrl,
    deadLetterQueues: dlq === undefined ? [] : [{ name: nameOf(dlq), url: await find(dlq), queueUrl }],
    stateTable,
    importBucket: undefined,
    others: [],
    place: 'AWS',
  };
}

function isGiven(options: QueueOptions, name: 'stack' | 'queue' | 'dlq' | 'state-table'): boolean {
  return options[name === 'state-table' ? 'stateTable' : name] !== undefined;
}

function isUrl(nameOrUrl: string | undefined): boolean {
  return nameOrUrl !== undefined && /^https?:\/\//.test(nameOrUrl);
}

function nameOf(nameOrUrl: string): string {
  return nameOrUrl.slice(nameOrUrl.lastIndexOf('/') + 1);
}

/** The stack that has all the queues that are named. */
function stackOf(...named: readonly (string | undefined)[]): RunningStack | undefined {
  const stacks = named
    .filter((one) => one !== undefined)
    .map((one) => {
      if (isUrl(one)) return findStackAt('sqs', one);
      const own = findOwnStack();
      return own?.endpoints.sqs.queues.some(({ name }) => name === one) ? own : undefined;
    });
  const [first] = stacks;
  return stacks.every((stack) => stack?.pid === first?.pid) ? first : undefined;
}

/** @throws Error for a name that the stack has no queue of */
function ofStack(
  stack: RunningStack,
  queue: string | undefined,
  dlq: string | undefined,
  stateTable: string | undefined,
): RecordsQueues {
  useLocalStack(stack);
  const { sqs, s3, dynamodb } = stack.endpoints;
  const deadLetterQueues = letterQueuesOf(stack);
  const url = (named: string) => (isUrl(named) ? named : requireQueue(stack, named));
  const dlqUrl = dlq === undefined ? undefined : url(dlq);
  const known = deadLetterQueues.find((one) => one.url === dlqUrl);
  const queueUrl = queue === undefined ? (known?.queueUrl ?? sqs.recordsQueueUrl) : url(queue);
  const ofQueue = deadLetterQueues.filter((one) => one.queueUrl === queueUrl);
  return {
    queueUrl,
    deadLetterQueues:
      dlqUrl !== undefined
        ? [{ name: known?.name ?? nameOf(dlqUrl), url: dlqUrl, queueUrl }]
        : queue === undefined
          ? deadLetterQueues
          : ofQueue,
    stateTable: stateTable ?? dynamodb.stateTable,
    importBucket: s3.bucket,
    others: [
      { name: 'signals', url: sqs.signalsQueueUrl ?? '' },
      { name: 'events', url: sqs.eventsQueueUrl ?? '' },
    ].filter((one) => one.url !== ''),
    place: 'the local stack',
  };
}

/** All that take dead letters, that of the records queue first. */
function letterQueuesOf({ endpoints: { sqs } }: RunningStack): readonly DeadLetterQueue[] {
  const { recordsQueueUrl, recordsDlqUrl } = sqs;
  const others = sqs.queues.filter(
    ({ url, deadLettersOf }) => deadLettersOf !== undefined && url !== recordsDlqUrl,
  );
  return [
    { name: nameOf(recordsDlqUrl), url: recordsDlqUrl, queueUrl: recordsQueueUrl },
    ...others.map(({ name, url, deadLettersOf }) => ({ name, url, queueUrl: deadLettersOf ?? '' })),
  ];
}

function requireQueue({ endpoints: { sqs } }: RunningStack, named: string): string {
  const found = sqs.queues.find(({ name }) => name === named);
  if (found) return found.url;
  const names = sqs.queues.map(({ name }) => name).join(', ');
  throw new Error(`${named}: the local stack has no such queue; there are ${names}`);
}

/** What AWS says of a queue, after why it is not one of a local stack that runs. */
function notFound(named: readonly (string | undefined)[], error: unknown): unknown {
  if (listRunningStacks().length === 0) return error;
  try {
    const stack = requireRunningStack(undefined);
    for (const name of named) if (name !== undefined && !isUrl(name)) requireQueue(stack, name);
    return error;
  } catch (local) {
    return new Error(`${explainError(local)}. On AWS: ${explainError(error)}`, { cause: error });
  }
}

async function toUrl(nameOrUrl: string): Promise<string> {
  if (isUrl(nameOrUrl)) return nameOrUrl;
  const sqs = new SQSClient({ maxAttempts: 3 });
  try {
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: nameOrUrl }));
    return QueueUrl ?? nameOrUrl;
  } catch (error) {
    if (!(error instanceof QueueDoesNotExist)) throw error;
    throw new Error(`${nameOrUrl}: there is no such queue in this account and region`, { cause: error });
  } finally {
    sqs.destroy();
  }
}
