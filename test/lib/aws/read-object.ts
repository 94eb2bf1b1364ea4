import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { ObjectRef } from '../../../lib/aws/s3.ts';

/** The bytes of an object. @throws NoSuchKey */
export async function readObject(s3: S3Client, { bucket, key }: ObjectRef): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}
