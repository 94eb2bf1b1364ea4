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
  const where = { Bucket: ref.bucket, Key: ref.key };
  const { UploadId } = await s3.send(
    new CreateMultipartUploadCommand({ ...where, ContentType: contentType }),
  );
  const upload = { ...where, UploadId };
  try {
    const uploaded = await uploadParts(s3, upload, firstBytes, parts);
    await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: uploaded } }));
  } catch (error) {
    await s3.send(new AbortMultipartUploadCommand(upload));
    throw error;
  }
}

type Upload = { Bucket: string; Key: string; UploadId: string | undefined };
type UploadedPart = { ETag: string | undefined; PartNumber: number };

async function uploadParts(
  s3: S3Client,
  upload: Upload,
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array, undefined>,
): Promise<UploadedPart[]> {
  const uploads: Promise<UploadedPart>[] = [];
  try {
    for (let part: Uint8Array | undefined = first; part; part = (await rest.next()).value) {
      await uploads.at(-1);
      const uploading = uploadPart(s3, upload, uploads.length + 1, part);
      // Awaited by the next turn; until then a failure must not count as unhandled.
      uploading.catch(() => undefined);
      uploads.push(uploading);
    }
    return await Promise.all(uploads);
  } finally {
    // A part that arrives after the upload was aborted would be kept, and paid for.
    await Promise.allSettled(uploads);
  }
}

async function uploadPart(
  s3: S3Client,
  upload: Upload,
  PartNumber: number,
  Body: Uint8Array,
): Promise<UploadedPart> {
  const { ETag } = await s3.send(new UploadPartCommand({ ...upload, PartNumber, Body }));
  return { ETag, PartNumber };
}

async function* inParts(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    held.push(piece);
    bytes += piece.length;
    if (bytes < partBytes) continue;
    yield Buffer.concat(held);
    held = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(held);
  return undefined;
}
