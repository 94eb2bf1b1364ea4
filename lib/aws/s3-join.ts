import { type S3Client, UploadPartCopyCommand } from '@aws-sdk/client-s3';
import { copySource, type ObjectRef, readObjectRange, writeObject } from './s3.ts';
import { type Upload, type UploadedPart, uploadPart, withUpload } from './s3-upload.ts';

/** What S3 asks of every part but the last: 5 MiB. */
export const leastPartBytes = 5 << 20;
/** Copies under way at once. */
const copiesAtOnce = 4;

/** A stored object and its size in bytes. */
export type StoredPiece = { readonly key: string; readonly size: number };

/** Bytes [start, end) of a stored object. */
type Stretch = { readonly key: string; readonly start: number; readonly end: number };

/** A part that S3 copies by itself (`copied`), or one that is put together here of stretches too short for that. */
type JoinedPart = { readonly copied: Stretch } | { readonly gathered: readonly Stretch[] };

/**
 * Makes one object of stored ones of the same bucket, in their order. S3 copies by itself what is large enough for a part
 * (UploadPartCopy), so that most bytes never come here.
 * @throws S3ServiceException; nothing is left behind then
 */
export async function joinObjects(
  s3: S3Client,
  ref: ObjectRef,
  pieces: readonly StoredPiece[],
  contentType: string,
): Promise<void> {
  const parts = planParts(pieces);
  const [first] = parts;
  if (!first || (parts.length === 1 && 'gathered' in first)) {
    const bytes = first ? await gather(s3, ref.bucket, first.gathered) : new Uint8Array(0);
    return writeObject(s3, ref, bytes, contentType);
  }
  await withUpload(s3, ref, contentType, (upload) => uploadJoined(s3, upload, parts));
}

function planParts(pieces: readonly StoredPiece[]): JoinedPart[] {
  const parts: JoinedPart[] = [];
  let gathered: Stretch[] = [];
  let gatheredBytes = 0;
  const gatherFront = (key: string, end: number) => {
    gathered.push({ key, start: 0, end });
    gatheredBytes += end;
    if (gatheredBytes >= leastPartBytes) flush();
  };
  const flush = () => {
    if (gathered.length > 0) parts.push({ gathered });
    gathered = [];
    gatheredBytes = 0;
  };
  for (const { key, size } of pieces) {
    if (size === 0) continue;
    // Just enough of it makes a part of what is gathered; where too little would be left for a copy, it goes whole.
    const lacking = gatheredBytes === 0 ? 0 : leastPartBytes - gatheredBytes;
    const isCopied = size - lacking >= leastPartBytes;
    if (!isCopied) gatherFront(key, size);
    else if (lacking > 0) gatherFront(key, lacking);
    if (isCopied) parts.push({ copied: { key, start: lacking, end: size } });
  }
  flush();
  return parts;
}

/** Copies run concurrently, since they use no memory here; gathered parts do, so they go one after another. */
async function uploadJoined(
  s3: S3Client,
  upload: Upload,
  parts: readonly JoinedPart[],
): Promise<UploadedPart[]> {
  const uploaded: UploadedPart[] = [];
  const copies: (() => Promise<UploadedPart>)[] = [];
  const gathers: (() => Promise<UploadedPart>)[] = [];
  for (const [index, part] of parts.entries()) {
    const number = index + 1;
    if ('copied' in part) copies.push(() => copyPart(s3, upload, number, part.copied));
    else
      gathers.push(async () =>
        uploadPart(s3, upload, number, await gather(s3, upload.Bucket, part.gathered)),
      );
  }
  const [copying, gathering] = [copies.values(), gathers.values()];
  let isBroken = false;
  const sendAll = async (waiting: Iterable<() => Promise<UploadedPart>>) => {
    try {
      for (const send of waiting) if (!isBroken) uploaded.push(await send());
    } catch (error) {
      isBroken = true;
      throw error;
    }
  };
  const uploads = [sendAll(gathering), ...Array.from({ length: copiesAtOnce }, () => sendAll(copying))];
  // A part that arrives after the upload was aborted would be kept, and paid for.
  await Promise.allSettled(uploads);
  await Promise.all(uploads);
  return uploaded.sort((a, b) => a.PartNumber - b.PartNumber);
}

async function copyPart(
  s3: S3Client,
  upload: Upload,
  PartNumber: number,
  { key, start, end }: Stretch,
): Promise<UploadedPart> {
  const source = {
    CopySource: copySource({ bucket: upload.Bucket, key }),
    CopySourceRange: `bytes=${start}-${end - 1}`,
  };
  const { CopyPartResult } = await s3.send(new UploadPartCopyCommand({ ...upload, ...source, PartNumber }));
  return { ETag: CopyPartResult?.ETag, PartNumber };
}

async function gather(s3: S3Client, bucket: string, stretches: readonly Stretch[]): Promise<Uint8Array> {
  const read = async ({ key, start, end }: Stretch) => {
    const bytes = await readObjectRange(s3, { bucket, key }, { start, end });
    if (bytes.length < end - start) throw new Error(`${key} became shorter while its parts were joined`);
    return bytes;
  };
  return Buffer.concat(await Promise.all(stretches.map(read)));
}
