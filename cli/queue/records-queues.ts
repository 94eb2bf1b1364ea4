import { GetQueueUrlCommand, QueueDoesNotExist, SQSClient } from '@aws-sdk/client-sqs';
import { UsageError } from '../command-line.ts';
import { useLocalStack } from '../local-aws.ts';
import { findRunningStack } from '../start/running-stack.ts';
import { typed } from '../typed.ts';

/** How a command line names the queues: by name or URL. */
export type QueueOptions = {
  readonly queue?: string | undefined;
  readonly dlq?: string | undefined;
  readonly stateTable?: string | undefined;
};

/** A records queue and its dead-letter queue. */
export type RecordsQueues = {
  readonly queueUrl: string;
  readonly deadLetterUrl: string;
  /** Where reasons are that a letter had no room for. */
  readonly stateTable: string | undefined;
  /** `the local stack`, or where else they are. */
  readonly place: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Finds the queues that a person means: those named by options or environment (RECORDS_QUEUE_URL, RECORDS_DLQ_URL), else those of the running local stack, to which it turns the AWS SDK of this process.
 * @throws UsageError when there are none; Error when AWS knows no queue of a name
 */
export async function findRecordsQueues(
  options: QueueOptions,
  environment: Environment,
): Promise<RecordsQueues> {
  const queue = options.queue ?? environment['RECORDS_QUEUE_URL'];
  const dlq = options.dlq ?? environment['RECORDS_DLQ_URL'];
  const stateTable = options.stateTable ?? environment['STATE_TABLE'];
  const stack = findRunningStack(process.cwd());
  const isLocal = (address: string | undefined) =>
    address === undefined || (stack !== undefined && address.startsWith(`${stack.endpoints.sqs.endpoint}/`));
  if (stack && isLocal(queue) && isLocal(dlq)) {
    useLocalStack(stack);
    const { sqs, dynamodb } = stack.endpoints;
    return {
      queueUrl: queue ?? sqs.recordsQueueUrl,
      deadLetterUrl: dlq ?? sqs.recordsDlqUrl,
      stateTable: stateTable ?? dynamodb.stateTable,
      place: 'the local stack',
    };
  }
  if (queue === undefined && dlq === undefined)
    throw new UsageError(
      `Which queue? Start a local stack with ${typed('start')}, or name those of a deployment with --queue and --dlq`,
    );
  return {
    queueUrl: queue === undefined ? '' : await toUrl(queue),
    deadLetterUrl: dlq === undefined ? '' : await toUrl(dlq),
    stateTable,
    place: 'AWS',
  };
}

async function toUrl(nameOrUrl: string): Promise<string> {
  if (/^https?:\/\//.test(nameOrUrl)) return nameOrUrl;
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
