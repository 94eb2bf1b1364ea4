import type { Announcement, Inspection } from '../aws/inspection.ts';
import { attempt } from './attempt.ts';
import { broken, type Finding, ok, warning } from './finding.ts';
import { admits } from './queue-policy.ts';

const subject = 'import bucket';

/** Everything that creates an object; `s3:ObjectCreated:*` stands for them all. */
const creations = ['Put', 'Post', 'Copy', 'CompleteMultipartUpload'].map((one) => `s3:ObjectCreated:${one}`);

/**
 * Looks whether the bucket announces each drop to the import queue, keeps versions, and encrypts with a key that imports may use.
 * @param keys ARNs of the KMS keys that they may use
 */
export async function checkBucket(
  bucket: string,
  queueUrl: string,
  keys: readonly string[],
  aws: Inspection,
): Promise<readonly Finding[]> {
  const announced = await checkAnnouncements(bucket, queueUrl, aws);
  return [...announced, ...(await checkKey(bucket, keys, aws))];
}

/** What a bucket encrypts with a key that the roles may not use, they can neither read nor write. */
function checkKey(bucket: string, keys: readonly string[], aws: Inspection): Promise<readonly Finding[]> {
  const subject = 'import bucket’s key';
  return attempt(subject, 's3:GetEncryptionConfiguration', async () => {
    const key = await aws.bucketKey(bucket);
    // That of AWS for S3 may be used by all who may use the bucket.
    if (key === undefined || key.endsWith('alias/aws/s3')) return [ok(subject, 'one of AWS')];
    if (keys.some((one) => one === key || one.endsWith(`:key/${key}`)))
      return [ok(subject, 'the KMS key of the deployment')];
    if (/(?:^|:)alias\//.test(key) && keys.length > 0)
      return [
        warning(
          subject,
          'the bucket names its KMS key by an alias',
          'check that it stands for the key that kmsKeyArn or importBucketKmsKeyArn names',
        ),
      ];
    return [
      broken(
        subject,
        `the bucket encrypts with ${keyName(key)}, which the functions may not use`,
        'name its ARN in importBucketKmsKeyArn (kmsKeyArn if it is that of all), and deploy again',
      ),
    ];
  });
}

/** Without the account. */
function keyName(key: string): string {
  return /(?:key|alias)\/.*$/.exec(key)?.[0] ?? `key/${key}`;
}

function checkAnnouncements(bucket: string, queueUrl: string, aws: Inspection): Promise<readonly Finding[]> {
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
