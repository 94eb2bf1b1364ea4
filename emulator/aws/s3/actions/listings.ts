import type { S3Action } from '../exchange.ts';
import type { StoredObject } from '../object-table.ts';
import type { S3State } from '../state.ts';
import { xmlAnswer } from '../xml.ts';

const MOST = 1000;

/** `max-keys`, 1000 at most and by default. */
function maxKeys(query: URLSearchParams): number {
  const asked = Number(query.get('max-keys') ?? MOST);
  return Number.isInteger(asked) && asked >= 0 ? Math.min(asked, MOST) : MOST;
}

/** Keys as they are, or percent-encoded when the caller asks with `encoding-type=url`. */
function keyEncoder(query: URLSearchParams): (key: string) => string {
  if (query.get('encoding-type') !== 'url') return (key) => key;
  return (key) => encodeURIComponent(key).replaceAll('%2F', '/');
}

type Page = { objects: StoredObject[]; prefixes: string[]; next: string | undefined };

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
export const listObjectsV2: S3Action = ({ bucket, query }, state) => {
  state.buckets.get(bucket);
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const token = query.get('continuation-token');
  const after = token === null ? (query.get('start-after') ?? '') : fromToken(token);
  const limit = maxKeys(query);
  const page = readPage(state, bucket, { prefix, delimiter, after, limit });
  const encode = keyEncoder(query);
  return xmlAnswer('ListBucketResult', {
    Name: bucket,
    Prefix: encode(prefix),
    ...(delimiter === '' ? {} : { Delimiter: encode(delimiter) }),
    EncodingType: query.get('encoding-type') ?? undefined,
    MaxKeys: limit,
    KeyCount: page.objects.length + page.prefixes.length,
    IsTruncated: page.next !== undefined,
    NextContinuationToken: page.next === undefined ? undefined : toToken(page.next),
    Contents: page.objects.map((object) => ({
      Key: encode(object.key),
      LastModified: new Date(object.modifiedMs).toISOString(),
      ETag: `"${object.etag}"`,
      Size: object.size,
      StorageClass: 'STANDARD',
    })),
    CommonPrefixes: page.prefixes.map((one) => ({ Prefix: encode(one) })),
  });
};

function readPage(
  state: S3State,
  bucket: string,
  from: { prefix: string; delimiter: string; after: string; limit: number },
): Page {
  const page: Page = { objects: [], prefixes: [], next: undefined };
  // A page that ended with a common prefix goes on behind all keys below it.
  const behind = (key: string) =>
    from.delimiter !== '' && from.after.endsWith(from.delimiter) && key.startsWith(from.after);
  let last = '';
  for (const object of state.objects.list(bucket, from.prefix, from.after)) {
    const common = commonPrefix(object.key, from.prefix, from.delimiter);
    if (common === undefined ? false : common === page.prefixes.at(-1) || behind(object.key)) continue;
    if (page.objects.length + page.prefixes.length === from.limit) {
      page.next = last;
      break;
    }
    if (common === undefined) page.objects.push(object);
    else page.prefixes.push(common);
    last = common ?? object.key;
  }
  return page;
}

function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '') return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}

function toToken(key: string): string {
  return Buffer.from(key).toString('base64url');
}

function fromToken(token: string): string {
  return Buffer.from(token, 'base64url').toString('utf8');
}

/** Without a delimiter. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html */
export const listObjectVersions: S3Action = ({ bucket, query }, state) => {
  state.buckets.get(bucket);
  const limit = maxKeys(query);
  const { page, truncated } = readVersionPage(
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

function readVersionPage(
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
