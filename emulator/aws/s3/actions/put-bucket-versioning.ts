import * as z from 'zod';
import type { S3Action } from '../exchange.ts';
import { readXml } from '../xml.ts';

const Document = z.object({
  VersioningConfiguration: z.object({ Status: z.enum(['Enabled', 'Suspended']) }),
});

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html */
export const putBucketVersioning: S3Action = async (request, state) => {
  state.buckets.get(request.bucket);
  const { VersioningConfiguration } = await readXml(request.body, Document);
  state.buckets.setVersioning(request.bucket, VersioningConfiguration.Status);
  return { status: 200 };
};
