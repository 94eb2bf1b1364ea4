import type { S3Client } from '@aws-sdk/client-s3';
import { isStatus, readObjectRange } from '../../aws/s3.ts';
import { InvalidInputError } from '../../core/errors.ts';
import type { ImportRequest } from '../schedule/import-request.ts';
import type { ObjectBytes } from './content.ts';

/** 2 MiB a request: one is being used while the next one is on its way. */
const windowBytes = 2 << 20;

/** The file is no longer the one that was dropped. */
export class ObjectReplacedError extends InvalidInputError {
  override readonly name = 'ObjectReplacedError';
  override readonly code = 'OBJECT_REPLACED';

  constructor(key: string, options?: { cause?: unknown }) {
    super('file', `${key} was replaced or removed while it was being imported`, options);
  }
}

/**
 * Reads a dropped object by ranges, pinned to its version and ETag, two windows in memory at most.
 * The stream throws ObjectReplacedError as soon as the object is another one.
 * @param bytesAtOnce length of a window
 */
export function pinnedObject(s3: S3Client, request: ImportRequest, bytesAtOnce = windowBytes): ObjectBytes {
  const readWindow = (start: number) =>
    readRange(s3, request, start, Math.min(start + bytesAtOnce, request.size));
  return async function* bytes(fromByte) {
    let next = readWindow(fromByte);
    for (let at = fromByte; at < request.size; at += bytesAtOnce) {
      const piece = await next;
      next = readWindow(at + bytesAtOnce);
      // Awaited by the next turn; until then a failure must not count as unhandled.
      next.catch(() => undefined);
      yield piece;
    }
  };
}

/** The same object, whose first piece is not asked for again once it was read. */
export function keepFront(object: ObjectBytes): ObjectBytes {
  let front: Uint8Array | undefined;
  return async function* bytes(fromByte) {
    let at = fromByte;
    if (front && at < front.length) {
      yield front.subarray(at);
      at = front.length;
    }
    for await (const piece of object(at)) {
      if (at === 0) front ??= piece;
      yield piece;
    }
  };
}

async function readRange(
  s3: S3Client,
  request: ImportRequest,
  start: number,
  end: number,
): Promise<Uint8Array> {
  if (start >= end) return new Uint8Array(0);
  const { bucket, key, versionId, eTag } = request;
  const ref = { bucket, key, ...(versionId ? { versionId } : {}) };
  try {
    const range = { start, end, ...(eTag ? { ifMatch: eTag } : {}) };
    return await readObjectRange(s3, ref, range);
  } catch (cause) {
    throw isStatus(cause, 412, 404, 416) ? new ObjectReplacedError(key, { cause }) : cause;
  }
}
