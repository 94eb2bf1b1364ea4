import * as z from 'zod';
import { AwsError } from '../../aws-error.ts';
import type { S3Action, S3Request } from '../exchange.ts';
import { deletion as deletionRight } from '../rights.ts';
import type { S3State } from '../state.ts';
import { oneOrMany, readXml, xmlAnswer } from '../xml.ts';

/** What one deletion did, in the words of the DeleteObjects answer. */
export type Deletion = { readonly marker: boolean; readonly versionId: string | undefined };

/** Deletes one version for good, or, without a version, what the key holds now. Nothing there is no error. */
function deleteOne(state: S3State, bucket: string, key: string, versionId: string | undefined): Deletion {
  if (versionId === undefined) {
    const marker = state.delete(bucket, key);
    return { marker: marker !== undefined, versionId: marker?.versionId };
  }
  const object = state.objects.version(bucket, key, versionId);
  if (object) state.deleteVersion(object);
  return { marker: object?.deleteMarker ?? false, versionId };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html */
export const deleteObject: S3Action = (request, state) => {
  state.buckets.get(request.bucket);
  const versionId = request.query.get('versionId') ?? undefined;
  const deletion = deleteOne(state, request.bucket, request.key, versionId);
  const headers = {
    ...(deletion.marker ? { 'x-amz-delete-marker': 'true' } : {}),
    ...(deletion.versionId === undefined ? {} : { 'x-amz-version-id': deletion.versionId }),
  };
  return { status: 204, headers };
};

const One = z.object({ Key: z.string(), VersionId: z.string().optional() });
const DeleteObjectsDocument = z.object({
  Delete: z.object({
    Object: z.preprocess(oneOrMany, z.array(One).min(1).max(1000)),
    Quiet: z.string().optional(),
  }),
});

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
export const deleteObjects: S3Action = async (request, state) => {
  state.buckets.get(request.bucket);
  const { Delete } = await readXml(request.body, DeleteObjectsDocument);
  const { allowed, refused } = separate(request, Delete.Object);
  const Deleted = allowed.map(({ Key, VersionId }) => {
    const deletion = deleteOne(state, request.bucket, Key, VersionId);
    return {
      Key,
      VersionId,
      ...(deletion.marker ? { DeleteMarker: true, DeleteMarkerVersionId: deletion.versionId } : {}),
    };
  });
  const shown = Delete.Quiet === 'true' ? {} : { Deleted };
  return xmlAnswer('DeleteResult', refused.length === 0 ? shown : { ...shown, Error: refused });
};

type Named = z.output<typeof One>;

/** Each object is allowed or refused by itself. */
function separate(request: S3Request, objects: readonly Named[]) {
  const allowed: Named[] = [];
  const refused: object[] = [];
  for (const one of objects) {
    try {
      request.permit(deletionRight(request.bucket, one.Key, one.VersionId));
      allowed.push(one);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      refused.push({ ...one, Code: error.code, Message: error.message });
    }
  }
  return { allowed, refused };
}
