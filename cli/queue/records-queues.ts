import { GetQueueUrlCommand, QueueDoesNotExist, SQSClient } from '@aws-sdk/client-sqs';
import { UsageError } from '../command-line.ts';
import { findStackAt, requireRunningStack, useLocalStack } from '../local-aws.ts';
import type { RunningStack } from '../start/running-stack.ts';

/** How a command line names the queues: by name or URL, or by the folder of a local stack. */
export type QueueOptions = {
  readonly stack?: string | undefined;
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
  /** That of the local stack. */
  readonly importBucket: string | undefined;
  /** Further queues of the local stack. */
  readonly others: readonly { readonly name: string; readonly url: string }[];
  /** `the local stack`, or where else they are. */
  readonly place: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Finds the queues that a person means: those named by options or environment (RECORDS_QUEUE_URL, RECORDS_DLQ_URL), else those of the local stack that `--stack` names or that was started in the current folder. It turns the AWS SDK of this process to a local stack.
 * @throws UsageError for options that exclude each other; Error without a stack, and when AWS knows no queue of a name
 */
export async function findRecordsQueues(
  options: QueueOptions,
  environment: Environment,
): Promise<RecordsQueues> {
  if (options.stack !== undefined && (options.queue ?? options.dlq) !== undefined)
    throw new UsageError('--stack cannot be given together with --queue or --dlq');
  const queue = options.queue ?? environment['RECORDS_QUEUE_URL'];
  const dlq = options.dlq ?? environment['RECORDS_DLQ_URL'];
  const stateTable = options.stateTable ?? environment['STATE_TABLE'];
  if (options.stack !== undefined || (queue === undefined && dlq === undefined)) {
    const stack = requireRunningStack(
      options.stack,
      ', or name the queues of a deployment with --queue and --dlq',
    );
    const { recordsQueueUrl, recordsDlqUrl } = stack.endpoints.sqs;
    return ofStack(stack, recordsQueueUrl, recordsDlqUrl, options.stateTable);
  }
  const stack = findStackAt('sqs', queue ?? dlq);
  if (stack && (dlq === undefined || findStackAt('sqs', dlq)?.pid === stack.pid)) {
    const { recordsQueueUrl, recordsDlqUrl } = stack.endpoints.sqs;
    return ofStack(stack, queue ?? recordsQueueUrl, dlq ?? recordsDlqUrl, stateTable);
  }
  return {
    queueUrl: queue === undefined ? '' : await toUrl(queue),
    deadLetterUrl: dlq === undefined ? '' : await toUrl(dlq),
    stateTable,
    importBucket: undefined,
    others: [],
    place: 'AWS',
  };
}

function ofStack(
  stack: RunningStack,
  queueUrl: string,
  deadLetterUrl: string,
  stateTable: string | undefined,
): RecordsQueues {
  useLocalStack(stack);
  const { sqs, s3, dynamodb } = stack.endpoints;
  return {
    queueUrl,
    deadLetterUrl,
    stateTable: stateTable ?? dynamodb.stateTable,
    importBucket: s3.bucket,
    others: [
      { name: 'signals', url: sqs.signalsQueueUrl ?? '' },
      { name: 'events', url: sqs.eventsQueueUrl ?? '' },
      { name: 'undelivered events', url: sqs.eventsDlqUrl ?? '' },
    ].filter(({ url }) => url !== ''),
    place: 'the local stack',
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
