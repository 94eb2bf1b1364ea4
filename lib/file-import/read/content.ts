import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { S3Client } from '@aws-sdk/client-s3';
import { isStatus, readObjectRange } from '../../aws/s3.ts';
import { InvalidInputError } from '../../core/errors.ts';
import type { Encoding } from '../plan/import-plan.ts';
import type { ImportRequest } from '../schedule/import-request.ts';
import { readErrorOf } from '../unreadable-object.ts';
import { foreignFormat } from './dialect.ts';
import { readingLimits } from './record-tokenizer.ts';
import { LabelTranscoder, type SourceBytes, Utf16Transcoder } from './transcode.ts';

/** How much a compressed file may hold. */
type GzipLimits = {
  readonly gzipGraceBytes: number;
  readonly maxGzipRatio: number;
  readonly maxGzipBytes: number;
};

/**
 * The bytes of a pinned object from an offset on, in order.
 * @param isPassing each piece is only used until the next one is asked for, so that its memory may be used again: in a long file,
 * fresh memory for each piece takes longer than reading it
 */
export type ObjectBytes = (fromByte: number, isPassing?: boolean) => AsyncIterable<Uint8Array>;

/** How a file is read. */
type ReadingPlan = {
  readonly gzip: boolean;
  readonly encoding?: Encoding;
  /** A piece is only used until the next one is asked for. */
  readonly isPassing?: boolean;
};

/**
 * The content of a file from a content offset on: decompressed, and as UTF-8 where the encoding cannot be scanned.
 *
 * A plain file is read from that very byte. A compressed or transcoded one has no such place to enter, so it is read
 * from its beginning and what was seen before is dropped; readers are kept open over the steps of one invocation, so
 * that this happens once an invocation and not once a step. `source` gets the place in the file where a transcoded piece ends.
 */
export async function* readContent(
  object: ObjectBytes,
  how: ReadingPlan,
  fromByte: number,
  source?: SourceBytes,
  limits: GzipLimits = readingLimits,
): AsyncGenerator<Uint8Array> {
  const transcoded = how.encoding?.way === 'transcode';
  if (!how.gzip && !transcoded) {
    yield* object(fromByte, how.isPassing);
    return;
  }
  const inflated = how.gzip ? inflate(object(0), limits) : object(0);
  const content = how.encoding && transcoded ? transcode(inflated, how.encoding, source) : inflated;
  yield* skip(content, fromByte);
}

async function* skip(content: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const piece of content) {
    if (left < piece.length) yield left === 0 ? piece : piece.subarray(left);
    left = Math.max(0, left - piece.length);
  }
}

/**
 * Inflates with a cap on the ratio and on the whole.
 * @throws InvalidInputError for a bomb, a damaged or a cut-off file.
 */
async function* inflate(
  compressed: AsyncIterable<Uint8Array>,
  limits: GzipLimits,
): AsyncGenerator<Uint8Array> {
  let bytesIn = 0;
  let bytesOut = 0;
  let foreign: string | undefined;
  const counted = async function* () {
    for await (const piece of compressed) {
      if (bytesIn === 0) foreign = notGzip(piece);
      bytesIn += piece.length;
      yield piece;
    }
  };
  const source = Readable.from(counted(), { objectMode: false, highWaterMark: 1 << 18 });
  const gunzip = createGunzip({ chunkSize: 1 << 18 });
  source.on('error', (error) => gunzip.destroy(error));
  try {
    for await (const piece of source.pipe(gunzip)) {
      bytesOut += piece.length;
      refuseBomb(bytesIn, bytesOut, limits);
      yield piece;
    }
  } catch (cause) {
    throw gzipError(cause, foreign);
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

function refuseBomb(
  bytesIn: number,
  bytesOut: number,
  { gzipGraceBytes, maxGzipRatio, maxGzipBytes }: GzipLimits,
): void {
  if (bytesOut > maxGzipBytes)
    throw new InvalidInputError('file', `inflates to more than ${maxGzipBytes} bytes`);
  if (bytesOut > gzipGraceBytes && bytesOut > bytesIn * maxGzipRatio)
    throw new InvalidInputError('file', `inflates to more than ${maxGzipRatio} times its size`);
}

/** What a file is whose name ends in .gz; undefined when it is gzip. */
function notGzip(head: Uint8Array): string | undefined {
  if (head.length < 2 || (head[0] === 0x1f && head[1] === 0x8b)) return undefined;
  const foreign = foreignFormat(head, { format: 'csv', gzip: true });
  return `is not compressed with gzip, though its name ends in .gz${foreign ? `: it ${foreign}` : ''}`;
}

function gzipError(cause: unknown, foreign: string | undefined): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (!code.startsWith('Z_')) return cause;
  if (foreign !== undefined) return new InvalidInputError('file', foreign, { cause });
  return new InvalidInputError('file', 'is damaged: it cannot be inflated to its end', { cause });
}

async function* transcode(
  content: AsyncIterable<Uint8Array>,
  { name }: Encoding,
  source: SourceBytes | undefined,
): AsyncGenerator<Uint8Array> {
  if (name === 'utf-16le' || name === 'utf-16be') yield* transcodeUtf16(content, name, source);
  else {
    const transcoder = new LabelTranscoder(name);
    for await (const piece of content) yield transcoder.write(piece, false);
    yield transcoder.write(new Uint8Array(0), true);
  }
}

async function* transcodeUtf16(
  content: AsyncIterable<Uint8Array>,
  name: 'utf-16le' | 'utf-16be',
  source: SourceBytes | undefined,
): AsyncGenerator<Uint8Array> {
  const transcoder = new Utf16Transcoder(name);
  let bytesIn = 0;
  const write = (piece: Uint8Array, last: boolean) => {
    const text = transcoder.write(piece, last);
    bytesIn += piece.length;
    if (source) source.end = last ? bytesIn : bytesIn - transcoder.carriedBytes;
    return text;
  };
  for await (const piece of content) yield write(piece, false);
  yield write(new Uint8Array(0), true);
}

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
  const readWindow = (start: number, into?: Uint8Array) =>
    readRange(s3, request, start, Math.min(start + bytesAtOnce, request.size), into);
  return async function* bytes(fromByte, isPassing = false) {
    let next = readWindow(fromByte);
    /** What was used up. */
    let free: Uint8Array | undefined;
    for (let at = fromByte; at < request.size; at += bytesAtOnce) {
      const piece = await next;
      next = readWindow(at + bytesAtOnce, free);
      free = isPassing ? piece : undefined;
      // Awaited by the next turn; until then a failure must not count as unhandled.
      next.catch(() => undefined);
      yield piece;
    }
  };
}

/**
 * The same object, unless it is lost: what needs it then ends as with a damaged one.
 * @param lost says why
 */
export function unlessLost(object: ObjectBytes, lost: () => string | undefined): ObjectBytes {
  return async function* bytes(fromByte, isPassing) {
    const reason = lost();
    if (reason !== undefined) throw new InvalidInputError('file', reason);
    yield* object(fromByte, isPassing);
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
  into?: Uint8Array,
): Promise<Uint8Array> {
  if (start >= end) return new Uint8Array(0);
  const { bucket, key, versionId, eTag } = request;
  const ref = { bucket, key, ...(versionId ? { versionId } : {}) };
  try {
    const range = { start, end, ...(eTag ? { ifMatch: eTag } : {}) };
    return await readObjectRange(s3, ref, range, into);
  } catch (cause) {
    throw isStatus(cause, 412, 404, 416) ? new ObjectReplacedError(key, { cause }) : readErrorOf(key, cause);
  }
}
