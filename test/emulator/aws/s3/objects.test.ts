import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3Fixture, startS3Fixture } from './local-s3.ts';

let fixture: S3Fixture;
beforeAll(async () => {
  fixture = await startS3Fixture();
});
afterAll(() => fixture.close());

const put = (Key: string, Body: string | Buffer, more: object = {}) =>
  fixture.client.send(new PutObjectCommand({ Bucket: 'plain', Key, Body, ...more }));
const get = (Key: string, more: object = {}) =>
  fixture.client.send(new GetObjectCommand({ Bucket: 'plain', Key, ...more }));
const text = async (Key: string, more: object = {}) => (await get(Key, more)).Body?.transformToString();

describe('an object', () => {
  it('comes back with its bytes, MD5 tag, type, metadata and checksum', async () => {
    const given = { ContentType: 'text/csv', Metadata: { origin: 'test' }, CacheControl: 'no-store' };
    const { ETag, ChecksumCRC32 } = await put('a.csv', 'a,b\n1,2\n', given);
    const answer = await get('a.csv');
    expect(await answer.Body?.transformToString()).toBe('a,b\n1,2\n');
    expect(ETag).toBe(`"${createHash('md5').update('a,b\n1,2\n').digest('hex')}"`);
    expect(answer).toMatchObject({ ...given, ETag, ContentLength: 8, ChecksumCRC32 });
  });

  it.each(['with space', 'ü/日本.csv', 'a/../b', 'plus+and%25', "q'()*!~&=?#"])(
    'keeps the key %s',
    async (key) => {
      await put(key, key);
      expect(await text(key)).toBe(key);
    },
  );

  it.each([
    ['letters', 'k'.repeat(1024), 'k'],
    ['bytes, not letters', 'ü'.repeat(512), 'k'],
  ])('may have a key of 1,024 bytes: %s', async (_, longest, more) => {
    await put(longest, 'x');
    expect(await text(longest)).toBe('x');
    await expect(put(longest + more, 'x')).rejects.toMatchObject({ name: 'KeyTooLongError' });
    await expect(get(longest + more)).rejects.toMatchObject({ name: 'KeyTooLongError' });
  });

  it('takes a stream of unknown chunks, which the client frames as aws-chunked with a trailing checksum', async () => {
    const bytes = randomBytes(300_000);
    const Body = Readable.from([bytes.subarray(0, 1), bytes.subarray(1, 70_000), bytes.subarray(70_000)]);
    const sent = {
      Bucket: 'plain',
      Key: 'streamed',
      Body,
      ContentLength: bytes.length,
      ChecksumAlgorithm: 'SHA256',
    };
    await fixture.client.send(new PutObjectCommand({ ...sent, ChecksumAlgorithm: 'SHA256' }));
    const back = await get('streamed');
    expect(Buffer.compare(Buffer.from((await back.Body?.transformToByteArray()) ?? []), bytes)).toBe(0);
    expect(back.ContentEncoding).toBeUndefined();
    expect(back.ChecksumSHA256).toBe(createHash('sha256').update(bytes).digest('base64'));
  });

  it('refuses bytes that do not fit their checksum, and keeps nothing of them', async () => {
    const before = readdirSync(join(fixture.folder, 'blobs')).length;
    await expect(put('bad', 'bytes', { ChecksumSHA256: 'AAAA' })).rejects.toMatchObject({
      name: 'BadDigest',
    });
    await expect(put('bad', 'bytes', { ContentMD5: 'AAAA' })).rejects.toMatchObject({ name: 'BadDigest' });
    await expect(get('bad')).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(readdirSync(join(fixture.folder, 'blobs'))).toHaveLength(before);
  });

  it('is not there after an upload that was interrupted', async () => {
    const { port } = fixture.s3;
    await new Promise<void>((resolve) => {
      const upload = request({
        port,
        method: 'PUT',
        path: '/plain/half',
        headers: { 'content-length': 100 },
      });
      upload.on('error', () => resolve());
      upload.write('only this', () => upload.destroy());
    });
    await expect(get('half')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  it('may be empty', async () => {
    await put('empty', '');
    expect(await text('empty')).toBe('');
    expect(
      (await fixture.client.send(new HeadObjectCommand({ Bucket: 'plain', Key: 'empty' }))).ContentLength,
    ).toBe(0);
  });

  it('answers NotFound to a HEAD, NoSuchKey to a GET and success to a DELETE when it is not there', async () => {
    const where = { Bucket: 'plain', Key: 'nowhere' };
    await expect(fixture.client.send(new HeadObjectCommand(where))).rejects.toMatchObject({
      name: 'NotFound',
    });
    await expect(fixture.client.send(new GetObjectCommand(where))).rejects.toMatchObject({
      name: 'NoSuchKey',
    });
    await fixture.client.send(new DeleteObjectCommand(where));
  });

  it('is copied with its metadata, and stays when the original goes', async () => {
    await put('original', 'bytes', { Metadata: { kept: 'yes' } });
    await fixture.client.send(
      new CopyObjectCommand({ Bucket: 'plain', Key: 'copy', CopySource: 'plain/original' }),
    );
    await fixture.client.send(new DeleteObjectCommand({ Bucket: 'plain', Key: 'original' }));
    expect(await text('copy')).toBe('bytes');
    expect((await get('copy')).Metadata).toEqual({ kept: 'yes' });
  });
});

describe('a range', () => {
  const ranges = [
    { Range: 'bytes=2-4', body: '234', ContentRange: 'bytes 2-4/10' },
    { Range: 'bytes=7-', body: '789', ContentRange: 'bytes 7-9/10' },
    { Range: 'bytes=7-99', body: '789', ContentRange: 'bytes 7-9/10' },
    { Range: 'bytes=-3', body: '789', ContentRange: 'bytes 7-9/10' },
    { Range: 'bytes=-30', body: '0123456789', ContentRange: 'bytes 0-9/10' },
  ];
  it.each(ranges)('$Range gives $body', async ({ Range, body, ContentRange }) => {
    await put('digits', '0123456789');
    const answer = await get('digits', { Range });
    expect(answer).toMatchObject({ ContentRange, ContentLength: body.length });
    expect(await answer.Body?.transformToString()).toBe(body);
  });

  it('outside the object answers 416', async () => {
    await put('digits', '0123456789');
    const outside = get('digits', { Range: 'bytes=10-' });
    await expect(outside).rejects.toMatchObject({ name: 'InvalidRange', $metadata: { httpStatusCode: 416 } });
  });

  it('that is no range is left aside, and the whole object comes', async () => {
    await put('digits', '0123456789');
    for (const Range of ['bytes=a-b', 'lines=1-2', 'bytes=0-1,3-4'])
      expect(await text('digits', { Range })).toBe('0123456789');
  });
});

describe('a condition', () => {
  const preconditionFailed = { name: 'PreconditionFailed', $metadata: { httpStatusCode: 412 } };

  it('If-Match on a read holds the version fast', async () => {
    const { ETag } = await put('pinned', 'one');
    expect(await text('pinned', { IfMatch: ETag })).toBe('one');
    await put('pinned', 'two');
    await expect(get('pinned', { IfMatch: ETag })).rejects.toMatchObject(preconditionFailed);
  });

  it('If-None-Match on a read answers 304 while nothing changed', async () => {
    const { ETag } = await put('cached', 'one');
    const again = get('cached', { IfNoneMatch: ETag });
    await expect(again).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } });
  });

  it('If-None-Match * on a write lets one of eight racers win', async () => {
    const racers = Array.from({ length: 8 }, (_, n) => put('raced', `${n}`, { IfNoneMatch: '*' }));
    const outcomes = await Promise.allSettled(racers);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(put('raced', 'late', { IfNoneMatch: '*' })).rejects.toMatchObject(preconditionFailed);
  });

  it('If-Match on a write replaces only what the writer has seen', async () => {
    const { ETag } = await put('guarded', 'one');
    await put('guarded', 'two', { IfMatch: ETag });
    await expect(put('guarded', 'three', { IfMatch: ETag })).rejects.toMatchObject(preconditionFailed);
    await expect(put('not-there', 'x', { IfMatch: ETag })).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(await text('guarded')).toBe('two');
  });
});

describe('tags', () => {
  const tag = (Key: string, TagSet: { readonly Key: string; readonly Value: string }[]) =>
    fixture.client.send(new PutObjectTaggingCommand({ Bucket: 'plain', Key, Tagging: { TagSet } }));
  const tagsOf = async (Key: string) =>
    (await fixture.client.send(new GetObjectTaggingCommand({ Bucket: 'plain', Key }))).TagSet;
  const team = { Key: 'team', Value: 'a & b' };

  it('are kept with an object until it is stored again, and change nothing else of it', async () => {
    const { ETag } = await put('tagged', 'x');
    expect(await tagsOf('tagged')).toEqual([]);
    await tag('tagged', [team, { Key: 'other', Value: '' }]);
    expect(await tagsOf('tagged')).toEqual([team, { Key: 'other', Value: '' }]);
    expect(await get('tagged')).toMatchObject({ ETag, ContentLength: 1 });
    await put('tagged', 'y');
    expect(await tagsOf('tagged')).toEqual([]);
  });

  it('are copied unless the copy says otherwise', async () => {
    await put('from', 'x');
    await tag('from', [team]);
    const copy = (Key: string, more: object) =>
      fixture.client.send(new CopyObjectCommand({ Bucket: 'plain', Key, CopySource: 'plain/from', ...more }));
    await copy('with', {});
    await copy('without', { TaggingDirective: 'REPLACE' });
    expect([await tagsOf('with'), await tagsOf('without')]).toEqual([[team], []]);
  });

  it('are ten at most, each key once', async () => {
    await put('tagged', 'x');
    const many = Array.from({ length: 11 }, (_, i) => ({ Key: `k${i}`, Value: '' }));
    await expect(tag('tagged', many)).rejects.toMatchObject({ name: 'BadRequest' });
    await expect(tag('tagged', [team, team])).rejects.toMatchObject({ name: 'InvalidTag' });
    await expect(tag('no such key', [team])).rejects.toMatchObject({ name: 'NoSuchKey' });
  });
});
