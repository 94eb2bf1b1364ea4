import { randomUUID } from 'node:crypto';
import { ACCOUNT_ID, REGION } from '../account.ts';
import type { NotificationRule } from './bucket-table.ts';
import type { NewObject } from './object-table.ts';

/** What happened to an object, without the `s3:` in front. */
export type ObjectEvent =
  | 'ObjectCreated:Put'
  | 'ObjectCreated:Copy'
  | 'ObjectCreated:CompleteMultipartUpload'
  | 'ObjectRemoved:Delete'
  | 'ObjectRemoved:DeleteMarkerCreated';

/** True when the rule wants this event of this key. */
export function wants(rule: NotificationRule, event: ObjectEvent, key: string): boolean {
  const named = rule.events.some((pattern) => matchesEvent(pattern, `s3:${event}`));
  return named && key.startsWith(rule.prefix) && key.endsWith(rule.suffix);
}

function matchesEvent(pattern: string, event: string): boolean {
  return pattern.endsWith('*') ? event.startsWith(pattern.slice(0, -1)) : pattern === event;
}

/** The message of one event, with who caused it (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html). */
export function eventMessage(
  rule: NotificationRule,
  event: ObjectEvent,
  object: NewObject,
  by: string = ACCOUNT_ID,
): string {
  const created = event.startsWith('ObjectCreated') ? { size: object.size, eTag: object.etag } : {};
  const versioned = object.versionId === 'null' ? {} : { versionId: object.versionId };
  const record = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: REGION,
    eventTime: new Date(object.modifiedMs).toISOString(),
    eventName: event,
    userIdentity: { principalId: `AWS:${by}` },
    requestParameters: { sourceIPAddress: '127.0.0.1' },
    responseElements: { 'x-amz-request-id': requestId(), 'x-amz-id-2': randomUUID() },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: rule.id,
      bucket: {
        name: object.bucket,
        ownerIdentity: { principalId: ACCOUNT_ID },
        arn: `arn:aws:s3:::${object.bucket}`,
      },
      object: { key: encodeKey(object.key), ...created, ...versioned, sequencer: object.sequencer },
    },
  };
  return JSON.stringify({ Records: [record] });
}

/** What S3 sends once when a notification is set up. */
export function testMessage(bucket: string, timeMs: number): string {
  return JSON.stringify({
    Service: 'Amazon S3',
    Event: 's3:TestEvent',
    Time: new Date(timeMs).toISOString(),
    Bucket: bucket,
    RequestId: requestId(),
    HostId: randomUUID(),
  });
}

/** Form encoding, as in events: a space is `+`, slashes stay. */
function encodeKey(key: string): string {
  return new URLSearchParams({ key }).toString().slice('key='.length).replaceAll('%2F', '/');
}

function requestId(): string {
  return randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase();
}
