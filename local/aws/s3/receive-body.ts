import { createHash } from 'node:crypto';
import type { WriteStream } from 'node:fs';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AwsError } from '../aws-error.ts';
import { AwsChunkedDecoder } from './aws-chunked.ts';
import type { BlobFolder } from './blob-folder.ts';
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
  const digests = new DigestTap(announcedChecksum(request));
  const chunked = isAwsChunked(request) ? new AwsChunkedDecoder() : undefined;
  return withNewBlob(blobs, async (name, stream) => {
    if (chunked) await pipeline(request.body, chunked, digests, stream);
    else await pipeline(request.body, digests, stream);
    const md5 = digests.md5.digest();
    checkLength(request, digests.size);
    checkMd5(request, md5);
    const checksums = checkChecksum(request, digests, chunked?.trailers);
    return { blob: name, size: digests.size, md5: md5.toString('hex'), checksums };
  });
}

/** Streams bytes that we have already to another file. */
export async function storeBytes(
  blobs: BlobFolder,
  bytes: Readable,
): Promise<Omit<ReceivedBody, 'checksums'>> {
  const digests = new DigestTap(undefined);
  return withNewBlob(blobs, async (name, stream) => {
    await pipeline(bytes, digests, stream);
    return { blob: name, size: digests.size, md5: digests.md5.digest('hex') };
  });
}

async function withNewBlob<T>(
  blobs: BlobFolder,
  fill: (name: string, stream: WriteStream) => Promise<T>,
): Promise<T> {
  const { name, stream } = blobs.create();
  try {
    return await fill(name, stream);
  } catch (error) {
    blobs.remove([name]);
    throw error;
  }
}

class DigestTap extends Transform {
  readonly md5 = createHash('md5');
  readonly checksumHeader: string | undefined;
  readonly checksum;
  size = 0;

  constructor(checksumHeader: string | undefined) {
    super();
    this.checksumHeader = checksumHeader;
    this.checksum = checksumHeader === undefined ? undefined : startChecksum(checksumHeader);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (e: null, c: Buffer) => void): void {
    this.size += chunk.length;
    this.md5.update(chunk);
    this.checksum?.update(chunk);
    done(null, chunk);
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
  digests: DigestTap,
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
