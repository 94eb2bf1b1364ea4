import { AwsError } from '../aws-error.ts';
import { header, type S3Request } from './exchange.ts';
import type { StoredObject } from './object-table.ts';

/** What a read's conditions say: send it, or 304. */
export type ReadVerdict = 'send' | 'not-modified';

/**
 * If-Match, If-None-Match, If-Unmodified-Since, If-Modified-Since on GET and HEAD; a match of tags beats a date.
 * @throws {AwsError} PreconditionFailed (412)
 */
export function checkRead(request: S3Request, object: StoredObject): ReadVerdict {
  const ifMatch = header(request, 'if-match');
  if (ifMatch !== undefined) {
    if (!namesTag(ifMatch, object.etag)) throw preconditionFailed('If-Match');
  } else if (isLater(object, header(request, 'if-unmodified-since'))) {
    throw preconditionFailed('If-Unmodified-Since');
  }
  const ifNoneMatch = header(request, 'if-none-match');
  if (ifNoneMatch !== undefined) return namesTag(ifNoneMatch, object.etag) ? 'not-modified' : 'send';
  const since = header(request, 'if-modified-since');
  return since !== undefined && !isLater(object, since) ? 'not-modified' : 'send';
}

/**
 * If-Match and If-None-Match on a write, against what the key holds at the moment of the write.
 * @throws {AwsError} PreconditionFailed (412); NoSuchKey (404) for If-Match without an object
 */
export function checkWrite(request: S3Request, current: StoredObject | undefined): void {
  const ifNoneMatch = header(request, 'if-none-match');
  if (ifNoneMatch !== undefined && current && namesTag(ifNoneMatch, current.etag)) {
    throw preconditionFailed('If-None-Match');
  }
  const ifMatch = header(request, 'if-match');
  if (ifMatch === undefined) return;
  if (!current) throw new AwsError('NoSuchKey', 'The specified key does not exist.', 404);
  if (!namesTag(ifMatch, current.etag)) throw preconditionFailed('If-Match');
}

function namesTag(list: string, etag: string): boolean {
  const tags = list.split(',').map((tag) => tag.trim().replace(/^W\//, '').replaceAll('"', ''));
  return tags.includes('*') || tags.includes(etag);
}

function isLater(object: StoredObject, httpDate: string | undefined): boolean {
  if (httpDate === undefined) return false;
  return Math.floor(object.modifiedMs / 1000) * 1000 > Date.parse(httpDate);
}

function preconditionFailed(condition: string): AwsError {
  return new AwsError(
    'PreconditionFailed',
    `At least one of the pre-conditions you specified did not hold: ${condition}.`,
    412,
  );
}
