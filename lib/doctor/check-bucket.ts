import type { Announcement, Inspection } from '../aws/inspection.ts';
import { attempt } from './attempt.ts';
import { broken, type Finding, ok, warning } from './finding.ts';
import { admits } from './queue-policy.ts';

const subject = 'import bucket';

/** Everything that creates an object; `s3:ObjectCreated:*` stands for them all. */
const creations = ['Put', 'Post', 'Copy', 'CompleteMultipartUpload'].map((one) => `s3:ObjectCreated:${one}`);

/** Looks whether the bucket announces each drop to the import queue, and keeps versions. */
export function checkBucket(bucket: string, queueUrl: string, aws: Inspection): Promise<readonly Finding[]> {
  return attempt(subject, 's3:GetBucketNotification', async () => {
    const announcements = await aws.bucketAnnouncements(bucket);
    const { arn, policy } = await aws.queue(queueUrl);
    const missed = missedDrops(announcements.filter(({ queueArn }) => queueArn === arn));
    if (missed)
      return [
        broken(
          subject,
          missed,
          'set the notification as docs/deploy.md says under “A bucket of your own”, or deploy again',
        ),
      ];
    const [, partition = 'aws'] = arn.split(':');
    if (
      !admits(policy, {
        queueArn: arn,
        service: 's3.amazonaws.com',
        sourceArn: `arn:${partition}:s3:::${bucket}`,
      })
    )
      return [
        broken(
          subject,
          'the import queue’s policy does not let S3 send to it',
          'allow s3.amazonaws.com sqs:SendMessage in the queue’s policy, for this bucket, or deploy again',
        ),
      ];
    return [ok(subject, 'announces new files to the import queue'), ...(await versioning(bucket, aws))];
  });
}

const versioning = (bucket: string, aws: Inspection) =>
  attempt(subject, 's3:GetBucketVersioning', async () =>
    (await aws.isVersioned(bucket))
      ? []
      : [
          warning(
            subject,
            'it keeps no versions',
            'enable versioning: a file that is replaced while it loads cannot be read to its end without it',
          ),
        ],
  );

/** Which drops the rules of a bucket, together, do not announce; undefined for none. */
function missedDrops(announcements: readonly Announcement[]): string | undefined {
  if (announcements.length === 0) return 'it does not notify the import queue of new files';
  const ofDrops = announcements.filter(({ prefix }) => 'imports/'.startsWith(prefix));
  if (ofDrops.length === 0) return 'it announces other objects than those below imports/';
  const whole = ofDrops.filter(({ suffix }) => suffix === '');
  if (whole.length === 0)
    return `it announces only objects that end in ${ofDrops.map(({ suffix }) => suffix).join(', ')}`;
  const events = whole.flatMap((one) => one.events);
  const missing = events.includes('s3:ObjectCreated:*')
    ? []
    : creations.filter((one) => !events.includes(one));
  if (missing.length === 0) return undefined;
  return `it does not announce every new file: ${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} missing (a large file is not created by a single PUT)`;
}
