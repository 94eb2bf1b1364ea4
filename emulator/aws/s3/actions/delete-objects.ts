import * as z from 'zod';
import { deleteOne } from '../delete-one.ts';
import type { S3Action } from '../exchange.ts';
import { oneOrMany, readXml, xmlAnswer } from '../xml.ts';

const One = z.object({ Key: z.string(), VersionId: z.string().optional() });
const Document = z.object({
  Delete: z.object({
    Object: z.preprocess(oneOrMany, z.array(One).min(1).max(1000)),
    Quiet: z.string().optional(),
  }),
});

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
export const deleteObjects: S3Action = async (request, state) => {
  state.buckets.get(request.bucket);
  const { Delete } = await readXml(request.body, Document);
  const Deleted = Delete.Object.map(({ Key, VersionId }) => {
    const deletion = deleteOne(state, request.bucket, Key, VersionId);
    return {
      Key,
      VersionId,
      ...(deletion.marker ? { DeleteMarker: true, DeleteMarkerVersionId: deletion.versionId } : {}),
    };
  });
  return xmlAnswer('DeleteResult', Delete.Quiet === 'true' ? {} : { Deleted });
};
