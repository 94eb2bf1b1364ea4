import type { Inspection, QueueNow } from '../aws/inspection.ts';
import type { Config } from '../core/config.ts';
import { attempt } from './attempt.ts';
import { checkBucket } from './check-bucket.ts';
import { broken, type Finding, ok, warning } from './finding.ts';
import { admits } from './queue-policy.ts';

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
  | 'importDlqUrl'
  | 'callsDlqUrl'
  | 'eventSourceMappings'
  | 'schedules'
> & {
  /** The KMS keys that the roles of imports may use. */
  readonly bucketKeys: readonly string[];
};

/** Lambda keeps this much of the account's concurrency for functions without a reservation; below it a burst is throttled. */
const fewExecutions = 50;

/**
 * Looks at what the deployment is made of in AWS: queues, their policies and what reads them, dead letters, state table, import bucket, the alias that
 * imports run on, and the account's quota. What the settings do not name is not in the deployment. Reads only.
 */
export async function checkAws(settings: AwsSettings, aws: Inspection): Promise<readonly Finding[]> {
  const { stateTable, importBucket, importQueueUrl, importFunctionArn } = settings;
  const checks: Promise<readonly Finding[]>[] = [
    checkQueue('records queue', settings.recordsQueueUrl, settings.recordsDlqUrl, aws),
    checkQueue('FIFO records queue', settings.recordsFifoQueueUrl, settings.recordsFifoDlqUrl, aws),
    checkQueue('events queue', settings.eventsQueueUrl, settings.eventsDlqUrl, aws),
    checkQueue('import queue', importQueueUrl, settings.importDlqUrl, aws),
    checkRules(settings.eventsQueueUrl, aws),
    checkFailedCalls(settings.callsDlqUrl, aws),
    ...[...settings.eventSourceMappings].map(([queue, id]) => checkMapping(queue, id, aws)),
    ...[...settings.schedules].map(([name, rule]) => checkSchedule(name, rule, aws)),
  ];
  if (stateTable) checks.push(checkTable(stateTable, aws));
  if (importBucket && importQueueUrl)
    checks.push(checkBucket(importBucket, importQueueUrl, settings.bucketKeys, aws));
  if (importFunctionArn) checks.push(checkImportFunction(importFunctionArn, aws));
  const findings = (await Promise.all(checks)).flat();
  return findings.length === 0 ? [] : [...findings, ...(await checkQuota(aws))];
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
  return broken(
    subject,
    queue.deadLetters ? 'another dead-letter queue than the functions use' : 'no dead-letter queue',
    'set the queue’s redrive policy back to the dead-letter queue of the stack, or deploy again',
  );
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

/** Without a statement for it, what the rules of the mapping files send ends in the dead-letter queue. */
function checkRules(url: string | undefined, aws: Inspection): Promise<readonly Finding[]> {
  if (!url) return Promise.resolve([]);
  const subject = 'events queue’s policy';
  return attempt(subject, 'sqs:GetQueueAttributes', async () => {
    const { arn, policy } = await aws.queue(url);
    if (admits(policy, { queueArn: arn, service: 'events.amazonaws.com' }))
      return [ok(subject, 'lets EventBridge send')];
    const todo = 'deploy again; without any mapping file there is no rule, and nothing to let send';
    return [warning(subject, 'it lets no rule of EventBridge send', todo)];
  });
}

function checkFailedCalls(url: string | undefined, aws: Inspection): Promise<readonly Finding[]> {
  if (!url) return Promise.resolve([]);
  const subject = 'failed calls';
  return attempt(subject, 'sqs:GetQueueAttributes', async () => {
    const finding = lettersFinding(subject, await aws.queue(url));
    return [finding.todo ? { ...finding, todo: 'see docs/runbooks/failed-calls.md' } : finding];
  });
}

function checkMapping(queue: string, id: string, aws: Inspection): Promise<readonly Finding[]> {
  const subject = `${queue}’s mapping`;
  return attempt(subject, 'lambda:GetEventSourceMapping', async () => {
    const { state, lastResult } = await aws.mapping(id);
    if (/^Disabl/.test(state))
      return [
        broken(
          subject,
          'it is disabled: no message of the queue is read',
          `enable it with \`aws lambda update-event-source-mapping --uuid ${id} --enabled\``,
        ),
      ];
    if (/^PROBLEM/i.test(lastResult))
      return [
        broken(
          subject,
          lastResult,
          'give the role of the function its rights on the queue back: deploy again',
        ),
      ];
    return [ok(subject, state.toLowerCase())];
  });
}

function checkSchedule(name: string, rule: string, aws: Inspection): Promise<readonly Finding[]> {
  const subject = `schedule of ${name}`;
  return attempt(subject, 'events:DescribeRule', async () => {
    const { isEnabled, every } = await aws.schedule(rule);
    if (isEnabled) return [ok(subject, every)];
    return [
      broken(subject, 'its rule is disabled', `enable it with \`aws events enable-rule --name ${rule}\``),
    ];
  });
}

function checkTable(name: string, aws: Inspection): Promise<readonly Finding[]> {
  return attempt('state table', 'dynamodb:DescribeTable', async () => {
    const state = await aws.tableState(name);
    if (state === 'ACTIVE' || state === 'UPDATING') return [ok('state table', state.toLowerCase())];
    const todo =
      state === 'INACCESSIBLE_ENCRYPTION_CREDENTIALS'
        ? 'enable the table’s KMS key and allow DynamoDB to use it'
        : 'wait until it is ACTIVE; if it was deleted, deploy again';
    return [broken('state table', state, todo)];
  });
}

async function checkImportFunction(arn: string, aws: Inspection): Promise<readonly Finding[]> {
  const started = await attempt('importCsv', 'lambda:InvokeFunction', async () => {
    await aws.tryInvoke(arn);
    return [ok('importCsv', `can be started as ${arn.split(':').at(-1)}`)];
  });
  return [...started, ...(await checkAlias(arn, aws))];
}

/** Imports run on the version that the alias names: what was changed since is not in it. */
function checkAlias(arn: string, aws: Inspection): Promise<readonly Finding[]> {
  const subject = 'importCsv’s version';
  return attempt(subject, 'lambda:GetFunctionConfiguration', async () => {
    const { version, differences, state, reasonCode } = await aws.alias(arn);
    if (state !== 'Active' && state !== 'Inactive')
      return [
        broken(
          subject,
          `version ${version} is ${state}${reasonCode && ` (${reasonCode})`}`,
          'correct what the code names (key, subnets, role), and deploy again',
        ),
      ];
    if (version === '$LATEST')
      return [broken(subject, 'the alias names $LATEST: an update changes imports that run', 'deploy again')];
    if (differences.length === 0) return [ok(subject, `version ${version}, the newest`)];
    return [
      warning(
        subject,
        `imports run on version ${version}, from which the function differs by now in ${differences.join(', ')}`,
        'deploy again with another Revision (serverless changes it by itself)',
      ),
    ];
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
