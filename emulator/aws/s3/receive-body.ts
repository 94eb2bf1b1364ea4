import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AwsError } from '../aws-error.ts';
import { AwsChunkedDecoder } from './aws-chunked.ts';
import type { BlobFolder, NewBlob } from './blob-folder.ts';
import { CHECKSUM_HEADERS, startChecksum } from './checksum.ts';
import { header, type S3Request } from './exchange.ts';

/** A body that is on disk, whole and checked. `md5` is hex; `checksums` are the headers that a GET gives back. */
export type ReceivedBody = {
  readonly blob: string;
  readonly size: number;
  readonly md5: string;
  readonly checksums: Readonly<Record<string, string>>;
};

/**
 * Streams a request's body to a file, taking off `aws-chunked` framing and checking every digest the caller sent.
 * Nothing is left behind when that fails.
 * @throws {AwsError} BadDigest, IncompleteBody, InvalidRequest
 */
export async function receiveBody(request: S3Request, blobs: BlobFolder): Promise<ReceivedBody> {
  const digests = new Digests(announcedChecksum(request));
  const chunked = isAwsChunked(request) ? new AwsChunkedDecoder() : undefined;
  return withNewBlob(blobs, async (blob) => {
    const store = (pieces: AsyncIterable<Uint8Array>) => write(pieces, blob, digests);
    if (chunked) await pipeline(request.body, chunked, store);
    else await pipeline(request.body, store);
    const md5 = digests.md5.digest();
    checkLength(request, digests.size);
    checkMd5(request, md5);
    const checksums = checkChecksum(request, digests, chunked?.trailers);
    return { blob: blob.name, size: digests.size, md5: md5.toString('hex'), checksums };
  });
}

/** Streams bytes that we have already to another file. */
export async function storeBytes(
  blobs: BlobFolder,
  bytes: Readable,
): Promise<Omit<ReceivedBody, 'checksums'>> {
  const digests = new Digests(undefined);
  return withNewBlob(blobs, async (blob) => {
    await write(bytes, blob, digests);
    return { blob: blob.name, size: digests.size, md5: digests.md5.digest('hex') };
  });
}

async function withNewBlob<T>(blobs: BlobFolder, fill: (blob: NewBlob) => Promise<T>): Promise<T> {
  const blob = blobs.create();
  try {
    return await fill(blob);
  } catch (error) {
    blobs.remove([blob.name]);
    throw error;
  } finally {
    blob.close();
  }
}

async function write(pieces: AsyncIterable<Uint8Array>, blob: NewBlob, digests: Digests): Promise<void> {
  for await (const piece of pieces) {
    digests.update(piece);
    blob.append(piece);
  }
}

class Digests {
  readonly md5 = createHash('md5');
  readonly checksumHeader: string | undefined;
  readonly checksum;
  size = 0;

  constructor(checksumHeader: string | undefined) {
    this.checksumHeader = checksumHeader;
    this.checksum = checksumHeader === undefined ? undefined : startChecksum(checksumHeader);
  }

  update(piece: Uint8Array): void {
    this.size += piece.length;
    this.md5.update(piece);
    this.checksum?.update(piece);
  }
}

function isAwsChunked(request: S3Request): boolean {
  return (header(request, 'x-amz-content-sha256') ?? '').startsWith('STREAMING-');
}

function announcedChecksum(request: S3Request): string | undefined {
  const trailer = header(request, 'x-amz-trailer')?.toLowerCase();
  return CHECKSUM_HEADERS.find((name) => name === trailer || header(request, name) !== undefined);
}

function checkLength(request: S3Request, size: number): void {
  const decoded = header(request, 'x-amz-decoded-content-length');
  if (decoded !== undefined && Number(decoded) !== size) {
    throw new AwsError('IncompleteBody', `${size} bytes came of the ${decoded} that were announced.`);
  }
}

function checkMd5(request: S3Request, md5: Buffer): void {
  const sent = header(request, 'content-md5');
  if (sent !== undefined && sent !== md5.toString('base64')) {
    throw new AwsError('BadDigest', 'The Content-MD5 you specified did not match what we received.');
  }
}

function checkChecksum(
  request: S3Request,
  digests: Digests,
  trailers: ReadonlyMap<string, string> | undefined,
): Record<string, string> {
  const name = digests.checksumHeader;
  if (name === undefined || !digests.checksum) return {};
  const sent = header(request, name) ?? trailers?.get(name);
  const computed = digests.checksum.digest();
  if (sent !== computed) {
    throw new AwsError('BadDigest', `The ${name} you specified did not match what we received.`);
  }
  return { [name]: computed };
}
