import type { LocalDynamoDb } from '../aws/dynamodb/dynamodb.ts';
import { setNotifications } from '../aws/s3/bucket-setup.ts';
import type { NotificationRule } from '../aws/s3/bucket-table.ts';
import type { S3State } from '../aws/s3/state.ts';
import { send } from '../aws/sqs/send.ts';
import type { SqsState } from '../aws/sqs/state.ts';
import type { BucketNotification } from '../aws/template/resources.ts';
import type { StackResources } from '../aws/template/stack-resources.ts';

/** Creates the template's queues, or brings those of an earlier run up to date. */
export function createQueues({ queues }: StackResources, sqs: SqsState): void {
  for (const { name, attributes } of queues) sqs.queues.put(name, attributes, sqs.clock.now());
}

/** The same for buckets, their versioning and their notifications. */
export function createBuckets({ buckets }: StackResources, s3: S3State): void {
  for (const { name, versioned, encryption, notifications } of buckets) {
    s3.buckets.ensure(name, s3.clock.now());
    if (encryption) s3.buckets.setEncryption(name, encryption);
    if (versioned) s3.buckets.setVersioning(name, 'Enabled');
    setNotifications(s3, name, notifications.map(toRule));
  }
}

/** Creates the template's tables that no earlier run created. */
export async function createTables({ tables }: StackResources, dynamodb: LocalDynamoDb): Promise<void> {
  for (const table of tables) await dynamodb.ensureTable(table);
}

/** Puts a notification of S3 into its queue. */
export function deliverTo(sqs: SqsState): (queueArn: string, body: string) => void {
  return (queueArn, body) => {
    const queue = sqs.queues.findByArn(queueArn);
    if (!queue) throw new Error(`S3 notifies ${queueArn}, which is no queue of this stack`);
    send(sqs, queue, { MessageBody: body, MessageAttributes: {} });
  };
}

function toRule({ event, queueArn, prefix, suffix }: BucketNotification, index: number): NotificationRule {
  return { id: `notification-${index}`, queueArn, events: [event], prefix, suffix };
}
