import { AwsError } from '../aws-error.ts';
import type { S3Request } from './exchange.ts';
import type { S3State } from './state.ts';
import type { Upload } from './upload-table.ts';

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
