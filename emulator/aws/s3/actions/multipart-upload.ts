import { createHash } from 'node:crypto';
import * as z from 'zod';
import { AwsError } from '../../aws-error.ts';
import type { S3Action, S3Request } from '../exchange.ts';
import { givenHeaders, versionHeader } from '../object-headers.ts';
import { checkWrite } from '../preconditions.ts';
import { receiveBody } from '../receive-body.ts';
import type { S3State } from '../state.ts';
import type { Part, Upload } from '../upload-table.ts';
import { oneOrMany, readXml, xmlAnswer } from '../xml.ts';

const MOST_PARTS = 10_000;

/**
 * The multipart upload that a request names by `uploadId`.
 * @throws {AwsError} NoSuchUpload
 */
export function openUpload(state: S3State, { query, bucket, key }: S3Request): Upload {
  return state.uploads.get(query.get('uploadId') ?? '', bucket, key);
}

/** @throws {AwsError} InvalidArgument */
export function partNumber({ query }: S3Request): number {
  const number = Number(query.get('partNumber'));
  if (Number.isInteger(number) && number >= 1 && number <= MOST_PARTS) return number;
  throw new AwsError('InvalidArgument', `Part number must be an integer between 1 and ${MOST_PARTS}.`);
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html */
export const createMultipartUpload: S3Action = (request, state) => {
  const { bucket, key } = request;
  state.buckets.get(bucket);
  const UploadId = state.uploads.create(bucket, key, givenHeaders(request), state.clock.now());
  return xmlAnswer('InitiateMultipartUploadResult', { Bucket: bucket, Key: key, UploadId });
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html */
export const uploadPart: S3Action = async (request, state) => {
  const number = partNumber(request);
  openUpload(state, request);
  const body = await receiveBody(request, state.blobs);
  const part = { number, etag: body.md5, blob: body.blob, size: body.size };
  state.putPart(openUpload(state, request), part);
  return { status: 200, headers: { etag: `"${body.md5}"`, ...body.checksums } };
};

const SMALLEST_PART_BYTES = 5 * 1024 * 1024;
const ListedPart = z.object({ PartNumber: z.coerce.number().int(), ETag: z.string() });
const CompleteMultipartUploadDocument = z.object({
  CompleteMultipartUpload: z.object({ Part: z.preprocess(oneOrMany, z.array(ListedPart).min(1)) }),
});

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html */
export const completeMultipartUpload: S3Action = async (request, state) => {
  const { bucket, key } = request;
  const { CompleteMultipartUpload } = await readXml(request.body, CompleteMultipartUploadDocument);
  const upload = openUpload(state, request);
  const held = state.uploads.parts(upload);
  const parts = chooseParts(CompleteMultipartUpload.Part, held);
  const content = {
    etag: multipartTag(parts),
    headers: upload.headers,
    blobs: parts.map(({ blob, size }) => ({ name: blob, size })),
    storedBy: request.callerId,
    begunMs: upload.begun_ms,
  };
  const stored = state.put(bucket, key, content, 'ObjectCreated:CompleteMultipartUpload', (current) => {
    checkWrite(request, current);
    state.uploads.remove(upload);
  });
  state.blobs.remove(held.filter((part) => !parts.includes(part)).map(({ blob }) => blob));
  const answer = xmlAnswer('CompleteMultipartUploadResult', {
    Location: `/${bucket}/${key}`,
    Bucket: bucket,
    Key: key,
    ETag: `"${stored.etag}"`,
  });
  return { ...answer, headers: { ...answer.headers, ...versionHeader(state, stored) } };
};

function chooseParts(listed: readonly z.output<typeof ListedPart>[], held: readonly Part[]): Part[] {
  const parts = listed.map(({ PartNumber, ETag }) => {
    const part = held.find(({ number, etag }) => number === PartNumber && etag === ETag.replaceAll('"', ''));
    if (!part)
      throw new AwsError('InvalidPart', `Part ${PartNumber} could not be found, or its tag differs.`);
    return part;
  });
  if (parts.some((part, index) => index > 0 && part.number <= (parts[index - 1]?.number ?? 0))) {
    throw new AwsError('InvalidPartOrder', 'The list of parts was not in ascending order.');
  }
  if (parts.slice(0, -1).some(({ size }) => size < SMALLEST_PART_BYTES)) {
    throw new AwsError('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size');
  }
  return parts;
}

/** MD5 of the parts' MD5s, and how many they are. */
function multipartTag(parts: readonly Part[]): string {
  const hash = createHash('md5');
  for (const { etag } of parts) hash.update(Buffer.from(etag, 'hex'));
  return `${hash.digest('hex')}-${parts.length}`;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html */
export const abortMultipartUpload: S3Action = (request, state) => {
  const upload = openUpload(state, request);
  const blobs = state.uploads.parts(upload).map(({ blob }) => blob);
  state.change(() => state.uploads.remove(upload));
  state.blobs.remove(blobs);
  return { status: 204 };
};
