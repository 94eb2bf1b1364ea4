import { AwsError } from '../aws-error.ts';
import { header, type S3Request } from './exchange.ts';
import { findObject } from './find-object.ts';
import type { StoredObject } from './object-table.ts';
import type { S3State } from './state.ts';

/**
 * What `x-amz-copy-source` names.
 * @throws {AwsError} InvalidArgument, NoSuchBucket, NoSuchKey, NoSuchVersion
 */
export function copiedObject(state: S3State, request: S3Request): StoredObject {
  const { bucket, key, versionId } = parseSource(header(request, 'x-amz-copy-source') ?? '');
  return findObject(state, bucket, key, versionId);
}

function parseSource(value: string): { bucket: string; key: string; versionId: string | null } {
  const [path = '', query] = value.replace(/^\//, '').split('?');
  const slash = path.indexOf('/');
  if (slash < 1) throw new AwsError('InvalidArgument', 'x-amz-copy-source must be bucket/key.');
  const versionId = new URLSearchParams(query).get('versionId');
  return { bucket: path.slice(0, slash), key: decodeURIComponent(path.slice(slash + 1)), versionId };
}
