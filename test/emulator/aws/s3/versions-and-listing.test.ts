import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startS3 } from '../../../../emulator/aws/s3/s3.ts';
import { type S3Fixture, s3Client, startS3Fixture } from './local-s3.ts';

let fixture: S3Fixture;
beforeAll(async () => {
  fixture = await startS3Fixture();
});
afterAll(() => fixture.close());

const put = (Bucket: string, Key: string, Body = Key) =>
  fixture.client.send(new PutObjectCommand({ Bucket, Key, Body }));

describe('a versioned bucket', () => {
  it('keeps every version under its id', async () => {
    const one = await put('versioned', 'k', 'one');
    const two = await put('versioned', 'k', 'two');
    const read = async (VersionId: string | undefined) => {
      const answer = await fixture.client.send(
        new GetObjectCommand({ Bucket: 'versioned', Key: 'k', VersionId }),
      );
      return { body: await answer.Body?.transformToString(), version: answer.VersionId };
    };
    expect(await read(one.VersionId)).toEqual({ body: 'one', version: one.VersionId });
    expect(await read(undefined)).toEqual({ body: 'two', version: two.VersionId });
    await expect(read('no-such-version')).rejects.toMatchObject({ name: 'NoSuchVersion' });
  });

  it('hides a deleted key behind a marker, and shows it again when the marker goes', async () => {
    await put('versioned', 'hidden', 'still here');
    const where = { Bucket: 'versioned', Key: 'hidden' };
    const { DeleteMarker, VersionId } = await fixture.client.send(new DeleteObjectCommand(where));
    expect(DeleteMarker).toBe(true);
    await expect(fixture.client.send(new GetObjectCommand(where))).rejects.toMatchObject({
      name: 'NoSuchKey',
    });
    await fixture.client.send(new DeleteObjectCommand({ ...where, VersionId }));
    const back = await fixture.client.send(new GetObjectCommand(where));
    expect(await back.Body?.transformToString()).toBe('still here');
  });

  it('lists all versions, newest first, page by page', async () => {
    const ids = [];
    for (const body of ['1', '2', '3']) ids.unshift((await put('versioned', 'listed', body)).VersionId);
    const found = [];
    let from: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
    for (let page = 0; page < 3; page++) {
      const answer = await fixture.client.send(
        new ListObjectVersionsCommand({ Bucket: 'versioned', Prefix: 'listed', MaxKeys: 1, ...from }),
      );
      found.push(...(answer.Versions ?? []));
      from = { KeyMarker: answer.NextKeyMarker, VersionIdMarker: answer.NextVersionIdMarker };
    }
    expect(found.map(({ VersionId }) => VersionId)).toEqual(ids);
    expect(found.map(({ IsLatest }) => IsLatest)).toEqual([true, false, false]);
  });
});

describe('a listing', () => {
  it('goes through all keys in the order of their bytes, whatever the page size', async () => {
    const keys = ['l/a', 'l/b/1', 'l/b/2', 'l/B', 'l/ä', 'l/z z'];
    for (const key of keys) await put('plain', key);
    const found = [];
    const pages = paginateListObjectsV2(
      { client: fixture.client, pageSize: 2 },
      { Bucket: 'plain', Prefix: 'l/' },
    );
    for await (const page of pages) found.push(...(page.Contents ?? []).map(({ Key }) => Key));
    expect(found).toEqual(['l/B', 'l/a', 'l/b/1', 'l/b/2', 'l/z z', 'l/ä']);
  });

  it('folds keys behind a delimiter, also across pages', async () => {
    for (const key of ['d/a', 'd/sub/1', 'd/sub/2', 'd/sub/3', 'd/tub/1', 'd/z']) await put('plain', key);
    const found: (string | undefined)[] = [];
    const asked = { Bucket: 'plain', Prefix: 'd/', Delimiter: '/' };
    for await (const page of paginateListObjectsV2({ client: fixture.client, pageSize: 1 }, asked)) {
      found.push(
        ...(page.Contents ?? []).map(({ Key }) => Key),
        ...(page.CommonPrefixes ?? []).map((p) => p.Prefix),
      );
    }
    expect(found).toEqual(['d/a', 'd/sub/', 'd/tub/', 'd/z']);
  });

  it('is empty after a batch delete', async () => {
    const keys = ['x/1', 'x/2', 'x/&<>'];
    for (const key of keys) await put('plain', key);
    const Delete = { Objects: keys.map((Key) => ({ Key })) };
    const { Deleted } = await fixture.client.send(new DeleteObjectsCommand({ Bucket: 'plain', Delete }));
    expect(Deleted?.map(({ Key }) => Key)).toEqual(keys);
    const after = await fixture.client.send(new ListObjectsV2Command({ Bucket: 'plain', Prefix: 'x/' }));
    expect(after.KeyCount).toBe(0);
  });

  it('of a bucket that is not there names the bucket error', async () => {
    const listing = fixture.client.send(new ListObjectsV2Command({ Bucket: 'nowhere' }));
    await expect(listing).rejects.toMatchObject({ name: 'NoSuchBucket' });
  });
});

it('answers NotImplemented, not the plain call, to a sub-resource that it does not know', async () => {
  await put('plain', 'tagged', 'bytes');
  const response = await fetch(`${fixture.s3.url}/plain/tagged?acl`, {
    method: 'PUT',
    body: '<AccessControlPolicy/>',
  });
  expect(response.status).toBe(501);
  expect(await response.text()).toContain('<Code>NotImplemented</Code>');
});

it('holds everything over a restart', async () => {
  const first = await startS3Fixture();
  await first.client.send(new PutObjectCommand({ Bucket: 'versioned', Key: 'kept', Body: 'bytes' }));
  await first.s3.close();
  const second = await startS3({ folder: first.folder });
  const client = s3Client(second.url);
  const { Body, VersionId } = await client.send(new GetObjectCommand({ Bucket: 'versioned', Key: 'kept' }));
  expect(await Body?.transformToString()).toBe('bytes');
  expect(VersionId).toBeDefined();
  client.destroy();
  await second.close();
});
