import { explainFailure } from '../aws/denial.ts';
import type { Announcement, Inspection, QueueNow } from '../aws/inspection.ts';
import type { Config } from '../core/config.ts';
import { type Finding, ok, warning } from './finding.ts';

/** What of the settings names something in AWS. */
export type AwsSettings = Pick<
  Config,
  | 'recordsQueueUrl'
  | 'recordsDlqUrl'
  | 'recordsFifoQueueUrl'
  | 'recordsFifoDlqUrl'
  | 'eventsQueueUrl'
  | 'eventsDlqUrl'
  | 'stateTable'
  | 'importBucket'
  | 'importQueueUrl'
  | 'importFunctionArn'
>;

/** Lambda keeps this much of the account's concurrency for functions without a reservation; below it a burst is throttled. */
const fewExecutions = 50;

/**
 * Looks at what the deployment is made of in AWS: queues and their policies, dead letters, state table, import bucket, the alias that
 * imports run on, and the account's quota. What the settings do not name is not in the deployment. Reads only.
 */
export async function checkAws(settings: AwsSettings, aws: Inspection): Promise<readonly Finding[]> {
  const { stateTable, importBucket, importQueueUrl, importFunctionArn } = settings;
  const checks: Promise<readonly Finding[]>[] = [
    checkQueue('records queue', settings.recordsQueueUrl, settings.recordsDlqUrl, aws),
    checkQueue('FIFO records queue', settings.recordsFifoQueueUrl, settings.recordsFifoDlqUrl, aws),
    checkQueue('events queue', settings.eventsQueueUrl, settings.eventsDlqUrl, aws),
  ];
  if (stateTable) checks.push(checkTable(stateTable, aws));
  if (importBucket && importQueueUrl) checks.push(checkBucket(importBucket, importQueueUrl, aws));
  if (importFunctionArn) checks.push(checkImportFunction(importFunctionArn, aws));
  const findings = (await Promise.all(checks)).flat();
  return findings.length === 0 ? [] : [...findings, ...(await checkQuota(aws))];
}

/** Runs one check; a call that fails becomes a finding that names the action. */
async function attempt(
  subject: string,
  action: string,
  check: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (error) {
    const { kind, reason, advice } = explainFailure(error, action);
    const found = kind === 'no-answer' ? `${reason} to ${action}` : reason;
    return [{ subject, state: 'failed', found, todo: advice }];
  }
}

function checkQueue(
  subject: string,
  url: string | undefined,
  dlqUrl: string | undefined,
  aws: Inspection,
): Promise<readonly Finding[]> {
  if (!url) return Promise.resolve([]);
  return attempt(subject, 'sqs:GetQueueAttributes', async () => {
    const queue = await aws.queue(url);
    const dlq = dlqUrl ? await aws.queue(dlqUrl) : undefined;
    return [
      queueFinding(subject, queue, dlq),
      ...(dlq ? [lettersFinding(`${subject}’s dead letters`, dlq)] : []),
    ];
  });
}

function queueFinding(subject: string, queue: QueueNow, dlq: QueueNow | undefined): Finding {
  const found = `${queue.waiting} waiting, ${queue.inFlight} in flight`;
  if (dlq === undefined) return ok(subject, found);
  if (queue.deadLetters?.arn === dlq.arn) return ok(subject, found);
  return {
    subject,
    state: 'failed',
    found: queue.deadLetters ? 'another dead-letter queue than the functions use' : 'no dead-letter queue',
    todo: 'set the queue’s redrive policy back to the dead-letter queue of the stack, or deploy again',
  };
}

function lettersFinding(subject: string, { waiting, inFlight, retentionSeconds }: QueueNow): Finding {
  const letters = waiting + inFlight;
  if (letters === 0) return ok(subject, 'none');
  const days = Math.round(retentionSeconds / 86_400);
  return warning(
    subject,
    `${letters}, each kept for ${days} days`,
    'see the reasons with `dead-letters`, correct them, and move them back with `redrive`',
  );
}

function checkTable(name: string, aws: Inspection): Promise<readonly Finding[]> {
  return attempt('state table', 'dynamodb:DescribeTable', async () => {
    const state = await aws.tableState(name);
    if (state === 'ACTIVE' || state === 'UPDATING') return [ok('state table', state.toLowerCase())];
    const todo =
      state === 'INACCESSIBLE_ENCRYPTION_CREDENTIALS'
        ? 'enable the table’s KMS key and allow DynamoDB to use it'
        : 'wait until it is ACTIVE; if it was deleted, deploy again';
    return [{ subject: 'state table', state: 'failed', found: state, todo }];
  });
}

function checkBucket(bucket: string, queueUrl: string, aws: Inspection): Promise<readonly Finding[]> {
  const subject = 'import bucket';
  return attempt(subject, 's3:GetBucketNotification', async () => {
    const announcements = await aws.bucketAnnouncements(bucket);
    const queue = await aws.queue(queueUrl);
    const missed = missedDrops(announcements.find(({ queueArn }) => queueArn === queue.arn));
    if (missed)
      return [
        {
          subject,
          state: 'failed',
          found: missed,
          todo: 'set the notification as docs/deploy.md says under “A bucket of your own”, or deploy again',
        },
      ];
    if (!admitsS3(queue.policy))
      return [
        {
          subject,
          state: 'failed',
          found: 'the import queue’s policy does not let S3 send to it',
          todo: 'allow s3.amazonaws.com sqs:SendMessage in the queue’s policy, or deploy again',
        },
      ];
    return [ok(subject, 'announces new files to the import queue'), ...(await versioning(bucket, aws))];
  });
}

const versioning = (bucket: string, aws: Inspection) =>
  attempt('import bucket', 's3:GetBucketVersioning', async () =>
    (await aws.isVersioned(bucket))
      ? []
      : [
          warning(
            'import bucket',
            'it keeps no versions',
            'enable versioning: a file that is replaced while it loads cannot be read to its end without it',
          ),
        ],
  );

/** Which drops a bucket does not announce; undefined for none. */
function missedDrops(announcement: Announcement | undefined): string | undefined {
  if (announcement === undefined) return 'it does not notify the import queue of new files';
  if (!'imports/'.startsWith(announcement.prefix))
    return 'it announces other objects than those below imports/';
  if (!announcement.events.includes('s3:ObjectCreated:*'))
    return 'it does not announce every new file: a large one is not created by a single PUT (s3:ObjectCreated:*)';
  return undefined;
}

function admitsS3(policy: string): boolean {
  return /s3\.amazonaws\.com/.test(policy);
}

function checkImportFunction(arn: string, aws: Inspection): Promise<readonly Finding[]> {
  return attempt('importCsv', 'lambda:InvokeFunction', async () => {
    await aws.tryInvoke(arn);
    return [ok('importCsv', `can be started as ${arn.split(':').at(-1)}`)];
  });
}

function checkQuota(aws: Inspection): Promise<readonly Finding[]> {
  return attempt('quota', 'lambda:GetAccountSettings', async () => {
    const { limit, unreserved } = await aws.concurrency();
    const found = `${unreserved} of ${limit} concurrent executions are not reserved`;
    if (unreserved >= fewExecutions) return [ok('quota', found)];
    return [
      warning(
        'quota',
        found,
        'ask AWS for more concurrent executions (Service Quotas, Lambda), or reserve fewer',
      ),
    ];
  });
}
