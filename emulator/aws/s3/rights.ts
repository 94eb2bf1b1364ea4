import type { AwsCall } from '../iam/role-policy.ts';
import { header, type S3Request } from './exchange.ts';

/** Rights of which there is another one for a version that is named. */
const ofVersions = new Map([
  ['s3:GetObject', 's3:GetObjectVersion'],
  ['s3:DeleteObject', 's3:DeleteObjectVersion'],
  ['s3:GetObjectTagging', 's3:GetObjectVersionTagging'],
  ['s3:PutObjectTagging', 's3:PutObjectVersionTagging'],
]);

/** What a role needs for a request. @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html */
export function requiredRights(request: S3Request, right: string | undefined): AwsCall[] {
  const { bucket, key, query } = request;
  const calls = right === undefined ? [] : [onObject(right, bucket, key, query.get('versionId'))];
  const source = header(request, 'x-amz-copy-source');
  if (source !== undefined) {
    const { bucket: from, key: copied, versionId } = parseCopySource(source);
    calls.push(onObject('s3:GetObject', from, copied, versionId));
  }
  // A write that depends on what is there shows what is there.
  if (right === 's3:PutObject' && header(request, 'if-match') !== undefined)
    calls.push(onObject('s3:GetObject', bucket, key, null));
  return calls;
}

/** What deleting one object or one of its versions needs. */
export function deletion(bucket: string, key: string, versionId: string | undefined): AwsCall {
  return onObject('s3:DeleteObject', bucket, key, versionId ?? null);
}

/** What copying an object with its tags needs in addition. */
export function copiedTags({ bucket, key, headers }: S3Request): AwsCall[] {
  const from = parseCopySource(String(headers['x-amz-copy-source']));
  return [
    onObject('s3:GetObjectTagging', from.bucket, from.key, from.versionId),
    onObject('s3:PutObjectTagging', bucket, key, null),
  ];
}

/** What finding out that an object is not there needs. */
export function listing(bucket: string): AwsCall {
  return { action: 's3:ListBucket', resource: `arn:aws:s3:::${bucket}` };
}

/** Reads `x-amz-copy-source`; without a key when it names none. */
export function parseCopySource(value: string): { bucket: string; key: string; versionId: string | null } {
  const [path = '', query] = value.replace(/^\//, '').split('?');
  const [, bucket = path, key = ''] = /^([^/]+)\/(.*)$/s.exec(path) ?? [];
  const versionId = new URLSearchParams(query).get('versionId');
  return { bucket, key: decodeURIComponent(key), versionId };
}

function onObject(right: string, bucket: string, key: string, versionId: string | null): AwsCall {
  const action = (versionId === null ? undefined : ofVersions.get(right)) ?? right;
  if (bucket === '') return { action, resource: '*' };
  return { action, resource: key === '' ? `arn:aws:s3:::${bucket}` : `arn:aws:s3:::${bucket}/${key}` };
}
