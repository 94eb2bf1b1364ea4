import type { S3Action } from '../exchange.ts';
import { keyEncoder, maxKeys } from '../listing.ts';
import type { StoredObject } from '../object-table.ts';
import { xmlAnswer } from '../xml.ts';

/** Without a delimiter. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html */
export const listObjectVersions: S3Action = ({ bucket, query }, state) => {
  state.buckets.get(bucket);
  const limit = maxKeys(query);
  const { page, truncated } = readPage(
    state.objects.listVersions(bucket, query.get('prefix') ?? ''),
    query,
    limit,
  );
  const encode = keyEncoder(query);
  const last = page.at(-1);
  const shown = (object: StoredObject) => ({
    Key: encode(object.key),
    VersionId: object.versionId,
    IsLatest: object.latest,
    LastModified: new Date(object.modifiedMs).toISOString(),
  });
  return xmlAnswer('ListVersionsResult', {
    Name: bucket,
    Prefix: encode(query.get('prefix') ?? ''),
    MaxKeys: limit,
    EncodingType: query.get('encoding-type') ?? undefined,
    IsTruncated: truncated,
    ...(truncated && last ? { NextKeyMarker: encode(last.key), NextVersionIdMarker: last.versionId } : {}),
    Version: page
      .filter(({ deleteMarker }) => !deleteMarker)
      .map((object) => ({
        ...shown(object),
        ETag: `"${object.etag}"`,
        Size: object.size,
        StorageClass: 'STANDARD',
      })),
    DeleteMarker: page.filter(({ deleteMarker }) => deleteMarker).map(shown),
  });
};

function readPage(
  all: Iterable<StoredObject>,
  query: URLSearchParams,
  limit: number,
): { page: StoredObject[]; truncated: boolean } {
  const keyMarker = query.get('key-marker') ?? '';
  const versionMarker = query.get('version-id-marker');
  const page: StoredObject[] = [];
  let passedMarker = false;
  for (const object of all) {
    if (object.key < keyMarker || (object.key === keyMarker && (versionMarker === null || !passedMarker))) {
      passedMarker ||= object.key === keyMarker && object.versionId === versionMarker;
      continue;
    }
    if (page.length === limit) return { page, truncated: true };
    page.push(object);
  }
  return { page, truncated: false };
}
