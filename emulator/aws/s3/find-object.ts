import { AwsError } from '../aws-error.ts';
import type { S3Request } from './exchange.ts';
import type { StoredObject } from './object-table.ts';
import type { S3State } from './state.ts';

/**
 * The version that is asked for, else what the key holds now.
 * @throws {AwsError} NoSuchBucket, NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete marker
 */
export function findObject(
  state: S3State,
  bucket: string,
  key: string,
  versionId: string | null,
): StoredObject {
  state.buckets.get(bucket);
  const object =
    versionId === null ? state.current(bucket, key) : state.objects.version(bucket, key, versionId);
  if (!object && versionId !== null) {
    throw new AwsError('NoSuchVersion', 'The specified version does not exist.', 404);
  }
  if (!object) throw new AwsError('NoSuchKey', 'The specified key does not exist.', 404);
  if (object.deleteMarker) {
    throw new AwsError('MethodNotAllowed', 'The specified method is not allowed against this resource.', 405);
  }
  return object;
}

/** `findObject` with the request's own `versionId`. */
export function requestedObject(state: S3State, request: S3Request): StoredObject {
  return findObject(state, request.bucket, request.key, request.query.get('versionId'));
}
