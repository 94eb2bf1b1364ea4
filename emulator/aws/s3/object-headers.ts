import { AwsError } from '../aws-error.ts';
import { header, type S3Request } from './exchange.ts';
import type { StoredObject } from './object-table.ts';
import type { S3State } from './state.ts';

const STORAGE_CLASS = 'x-amz-storage-class';
const KMS_KEY = 'x-amz-server-side-encryption-aws-kms-key-id';

const KEPT = [
  ...['content-type', 'content-disposition', 'content-language', 'cache-control', 'expires'],
  ...[STORAGE_CLASS, KMS_KEY],
];

/** What a copy has of its source: storage class and key are those of its own request. */
export function headersToCopy({ headers }: StoredObject): Record<string, string> {
  const { [STORAGE_CLASS]: _, [KMS_KEY]: __, ...copied } = headers;
  return copied;
}

/**
 * Refuses an archived object, and one whose KMS key the caller may not use.
 * @throws {AwsError} InvalidObjectState, AccessDenied
 */
export function checkReadable(request: S3Request, { headers }: StoredObject): void {
  if (['GLACIER', 'DEEP_ARCHIVE'].includes(headers[STORAGE_CLASS] ?? ''))
    throw new AwsError(
      'InvalidObjectState',
      "The operation is not valid for the object's storage class",
      403,
    );
  const key = headers[KMS_KEY];
  if (key !== undefined) request.permit({ action: 'kms:Decrypt', resource: key });
}

/** What a write says about the object and a read gives back: content headers and `x-amz-meta-*`. */
export function givenHeaders(request: S3Request): Record<string, string> {
  const kept: Record<string, string> = { 'content-type': 'binary/octet-stream' };
  for (const name of Object.keys(request.headers)) {
    const value = header(request, name);
    if (value !== undefined && (KEPT.includes(name) || name.startsWith('x-amz-meta-'))) kept[name] = value;
  }
  const encoding = contentEncoding(request);
  return encoding === '' ? kept : { ...kept, 'content-encoding': encoding };
}

/** `aws-chunked` is the framing of the upload, not an encoding of the object. */
function contentEncoding(request: S3Request): string {
  const codings = (header(request, 'content-encoding') ?? '').split(',').map((coding) => coding.trim());
  return codings.filter((coding) => coding !== '' && coding !== 'aws-chunked').join(',');
}

/** What stands with the headers and is asked for by itself. */
const notShown = /^x-amz-(checksum-|tagging$)/;

/** The headers that GET and HEAD share, without the length. */
export function objectHeaders(state: S3State, object: StoredObject): Record<string, string> {
  const kept = Object.entries(object.headers).filter(([name]) => !notShown.test(name));
  return {
    ...Object.fromEntries(kept),
    ...versionHeader(state, object),
    etag: `"${object.etag}"`,
    'last-modified': new Date(object.modifiedMs).toUTCString(),
    'accept-ranges': 'bytes',
  };
}

/** Checksums of the whole object, for a caller that asks; they say nothing about a range of it. */
export function checksumHeaders(request: S3Request, object: StoredObject): Record<string, string> {
  if (header(request, 'x-amz-checksum-mode')?.toUpperCase() !== 'ENABLED') return {};
  return storedChecksums(object);
}

/** The checksums that were checked when the object came. */
export function storedChecksums(object: StoredObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(object.headers).filter(([name]) => name.startsWith('x-amz-checksum-')),
  );
}

/** `x-amz-version-id`, unless the bucket never had versions; `null` for what was stored while it kept none. */
export function versionHeader(state: S3State, object: StoredObject): Record<string, string> {
  const isWithout = object.versionId === 'null' && state.buckets.get(object.bucket).versioning === '';
  return isWithout ? {} : { 'x-amz-version-id': object.versionId };
}
