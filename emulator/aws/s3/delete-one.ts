import type { S3State } from './state.ts';

/** What one deletion did, in the words of the DeleteObjects answer. */
export type Deletion = { readonly marker: boolean; readonly versionId: string | undefined };

/** Deletes one version for good, or, without a version, what the key holds now. Nothing there is no error. */
export function deleteOne(
  state: S3State,
  bucket: string,
  key: string,
  versionId: string | undefined,
): Deletion {
  if (versionId === undefined) {
    const marker = state.delete(bucket, key);
    return { marker: marker !== undefined, versionId: marker?.versionId };
  }
  const object = state.objects.version(bucket, key, versionId);
  if (object) state.deleteVersion(object);
  return { marker: object?.deleteMarker ?? false, versionId };
}
