import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { type ObjectRef, writeObject } from './s3.ts';

/** Just above the 5 MiB that S3 asks of every part but the last; 10,000 of them make 52 GB. */
const partBytes = 5_300_000;

/** Stores pieces of any size as one object: one part is on its way while the next is gathered. An error leaves no upload behind. */
export async function writeStream(
  s3: S3Client,
  ref: ObjectRef,
  pieces: AsyncIterable<Uint8Array>,
  contentType: string,
): Promise<void> {
  const parts = inParts(pieces);
  const first = await parts.next();
  const firstBytes = first.done ? new Uint8Array(0) : first.value;
  if (firstBytes.length < partBytes) return writeObject(s3, ref, firstBytes, contentType);
  await withUpload(s3, ref, contentType, (upload) => uploadParts(s3, upload, firstBytes, parts));
}

/** A multipart upload under way. */
export type Upload = { Bucket: string; Key: string; UploadId: string | undefined };
/** A part of it that S3 has. */
export type UploadedPart = { ETag: string | undefined; PartNumber: number };

/** Makes an object of the parts that `uploadAll` uploads, in the order of its result. An error leaves no upload behind. */
export async function withUpload(
  s3: S3Client,
  ref: ObjectRef,
  contentType: string,
  uploadAll: (upload: Upload) => Promise<UploadedPart[]>,
): Promise<void> {
  const where = { Bucket: ref.bucket, Key: ref.key };
  const { UploadId } = await s3.send(
    new CreateMultipartUploadCommand({ ...where, ContentType: contentType }),
  );
  const upload = { ...where, UploadId };
  try {
    const Parts = await uploadAll(upload);
    await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
  } catch (error) {
    await s3.send(new AbortMultipartUploadCommand(upload));
    throw error;
  }
}

async function uploadParts(
  s3: S3Client,
  upload: Upload,
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array, undefined>,
): Promise<UploadedPart[]> {
  const uploads: Promise<UploadedPart>[] = [];
  try {
    for (let part: Uint8Array | undefined = first; part; part = (await rest.next()).value) {
      // Before the one after the next is gathered, which takes the place of this one's predecessor.
      await uploads.at(-1);
      const uploading = uploadPart(s3, upload, uploads.length + 1, part);
      // Awaited by the next iteration; until then a failure must not count as unhandled.
      uploading.catch(() => undefined);
      uploads.push(uploading);
    }
    return await Promise.all(uploads);
  } finally {
    // A part that arrives after the upload was aborted would be kept, and paid for.
    await Promise.allSettled(uploads);
  }
}

/** Sends one part. */
export async function uploadPart(
  s3: S3Client,
  upload: Upload,
  PartNumber: number,
  Body: Uint8Array,
): Promise<UploadedPart> {
  const { ETag } = await s3.send(new UploadPartCommand({ ...upload, PartNumber, Body }));
  return { ETag, PartNumber };
}

/**
 * Fills two buffers alternately, since new ones for every part would be most of the memory that a long upload takes: a part
 * is overwritten when the one after the next is gathered, so it has to be sent before the next one is asked for.
 */
async function* inParts(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
  let [part, other] = [Buffer.allocUnsafe(partBytes), Buffer.alloc(0)];
  let length = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const taken = piece.subarray(at, at + partBytes - length);
      part.set(taken, length);
      length += taken.length;
      at += taken.length;
      if (length < partBytes) continue;
      yield part;
      [part, other] = [other.length === 0 ? Buffer.allocUnsafe(partBytes) : other, part];
      length = 0;
    }
  }
  if (length > 0) yield part.subarray(0, length);
  return undefined;
}
