import { type ByteRange, parseCopyRange } from '../byte-range.ts';
import { copiedObject } from '../copied-object.ts';
import { header, type S3Action } from '../exchange.ts';
import type { StoredObject } from '../object-table.ts';
import { openUpload, partNumber } from '../open-upload.ts';
import { storeBytes } from '../receive-body.ts';
import type { S3State } from '../state.ts';
import type { Part } from '../upload-table.ts';
import { xmlAnswer } from '../xml.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html */
export const uploadPartCopy: S3Action = async (request, state) => {
  const number = partNumber(request);
  openUpload(state, request);
  const source = copiedObject(state, request);
  const range = parseCopyRange(header(request, 'x-amz-copy-source-range'), source.size);
  const part = { number, ...(await copyBytes(state, source, range)) };
  state.putPart(openUpload(state, request), part);
  const result = { ETag: `"${part.etag}"`, LastModified: new Date(state.clock.now()).toISOString() };
  return xmlAnswer('CopyPartResult', result);
};

/** A whole object of one piece is taken over as it is, its tag included; anything else is written anew. */
async function copyBytes(
  state: S3State,
  source: StoredObject,
  range: ByteRange,
): Promise<Omit<Part, 'number'>> {
  const isWhole = range.start === 0 && range.end === source.size - 1;
  if (isWhole && source.blobs.length === 1 && !source.etag.includes('-')) {
    const [blob] = await state.blobs.copy(source.blobs);
    if (blob) return { etag: source.etag, blob: blob.name, size: blob.size };
  }
  const { blob, md5, size } = await storeBytes(
    state.blobs,
    state.blobs.read(source.blobs, range.start, range.end),
  );
  return { etag: md5, blob, size };
}
