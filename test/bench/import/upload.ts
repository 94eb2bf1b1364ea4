import { CreateBucketCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { createS3Client, headObject } from '../../../lib/aws/s3.ts';
import { writeStream } from '../../../lib/aws/s3-upload.ts';
import { requestOf } from '../../../lib/file-import/receive-drops.ts';
import { type ImportRequest, parseDropKey } from '../../../lib/file-import/schedule/import-request.ts';
import { filePieces, plainLine } from './files.ts';
import type { Outside } from './outside.ts';

const bucket = 'bench';
let uploads = 0;

export function connectS3({ s3 }: Outside): S3Client {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  return createS3Client({ region: 'us-east-1', endpoint: s3, forcePathStyle: true, credentials });
}

/** Stores a generated file and the settings, says what its event would say, and notes the drop as startImport does. */
export async function uploadFile(outside: Outside, rows: number, settings: object): Promise<ImportRequest> {
  const s3 = connectS3(outside);
  await s3.send(new CreateBucketCommand({ Bucket: bucket })).catch(() => undefined);
  const key = `imports/imp_load/bench-${++uploads}.csv`;
  await s3.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: 'imports/imp_load/_import.json',
      Body: JSON.stringify(settings),
    }),
  );
  await writeStream(s3, { bucket, key }, filePieces(rows, plainLine), 'text/csv');
  const head = await headObject(s3, { bucket, key });
  if (!head) throw new Error(`${key} is not there`);
  const droppedAt = new Date().toISOString();
  const { eTag, size } = head;
  const object = { bucket, key, eTag, size, droppedAt, sequencer: '1' };
  const drop = parseDropKey(key);
  if (!('table' in drop)) throw new Error(`${key} is not an import file`);
  const request = await requestOf({ s3, deployment: 'bench' }, object, drop);
  s3.destroy();
  return request;
}
