import { describe, expect, it } from 'vitest';
import {
  executionName,
  parseDropKey,
  parseS3Event,
  resultsFolder,
  shortened,
  sortableSequencer,
  versionMark,
} from '../../../../lib/file-import/schedule/import-request.ts';
import { importRequest } from '../import-request.ts';

describe('the key of a drop', () => {
  it.each([
    ['imports/imp_user/people.csv', { folder: 'imp_user', name: 'people', format: 'csv', gzip: false }],
    [
      'imports/imp_user/2026/11/a b.TSV',
      { folder: 'imp_user', name: '2026/11/a b', format: 'tsv', gzip: false },
    ],
    [
      'imports/imp_user/deep.data.jsonl.gz',
      { folder: 'imp_user', name: 'deep.data', format: 'jsonl', gzip: true },
    ],
    ['imports/IMP_User/people.csv', { folder: 'IMP_User', name: 'people', format: 'csv', gzip: false }],
    [
      'imports/imp_user/line\nbreak.csv',
      { folder: 'imp_user', name: 'line\nbreak', format: 'csv', gzip: false },
    ],
  ])('says where %s goes', (key, drop) => {
    expect(parseDropKey(key)).toEqual({ table: 'imp_user', ...drop });
  });

  it.each([
    ['imports/imp_user/readme.txt', 'must end in'],
    ['imports/imp_user/data_import.json', 'must end in'],
    ['imports/imp_user/people.csv.zip', 'must end in'],
    ['imports/imp_user/sub/_import.json', 'settings belong in imports/imp_user/_import.json'],
    ['imports/imp user;x/people.csv', 'is not a table name'],
    ['Imports/imp_user/people.csv', 'is not in a folder'],
    ['import/imp_user/people.csv', 'is not in a folder'],
    ['imports/people.csv', 'is not in a folder'],
  ])('is refused with the reason where it looks like a mistake: %s', (key, reason) => {
    expect(parseDropKey(key)).toEqual({ refused: expect.stringContaining(reason) });
  });

  it.each([
    ['imports/imp_user/', 'a folder'],
    ['imports/imp_user/sub/', 'a folder'],
    ['imports/imp_user/_import.json', 'settings'],
  ])('is ignored without an answer: %s', (key, reason) => {
    expect(parseDropKey(key)).toEqual({ ignored: expect.stringContaining(reason) });
  });
});

const record = (key: string, more: object = {}, eventName = 'ObjectCreated:Put') => ({
  eventName,
  eventTime: '2026-11-24T03:00:00.000Z',
  s3: { bucket: { name: 'b' }, object: { key, size: 5, eTag: 'e', sequencer: '1A', ...more } },
});
const eventOf = (...records: object[]) => JSON.stringify({ Records: records });

describe('an S3 event', () => {
  it('names the object with its key decoded', () => {
    const [notice] = parseS3Event(eventOf(record('imports/imp_user/a+b%C3%A9%2B.csv', { versionId: 'v1' })));
    expect(notice).toEqual({
      object: {
        bucket: 'b',
        key: 'imports/imp_user/a bé+.csv',
        versionId: 'v1',
        eTag: 'e',
        size: 5,
        droppedAt: '2026-11-24T03:00:00.000Z',
        sequencer: '1A',
      },
      drop: { table: 'imp_user', folder: 'imp_user', name: 'a bé+', format: 'csv', gzip: false },
    });
  });

  it('is nothing when it is the test event of a new notification', () => {
    expect(parseS3Event('{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}')).toEqual([]);
  });

  it('starts nothing for a removal', () => {
    const [notice] = parseS3Event(eventOf(record('imports/t/a.csv', {}, 'ObjectRemoved:Delete')));
    expect(notice).toMatchObject({ ignored: 'event ObjectRemoved:Delete' });
  });

  it.each(['nonsense', '{}', '{"Records":[{}]}'])('is refused when it is none: %s', (body) => {
    expect(() => parseS3Event(body)).toThrow(/^body/);
  });
});

describe('sequencers', () => {
  it.each([
    ['0055AED6DCD90281E5', '0055AED6DCD90281E6'],
    ['0055AED6DCD90281E5', '0055AED7'],
    ['0055aed6', '0055AED7'],
    ['', '00000001'],
  ])('sort as hexadecimal padded on the right: %s before %s', (older, newer) => {
    expect(sortableSequencer(older) < sortableSequencer(newer)).toBe(true);
  });

  it('are the same with more zeros or in other case', () => {
    expect(sortableSequencer('0055aeD6DCD90281E500')).toBe(sortableSequencer('0055AED6DCD90281E5'));
  });
});

describe('the name of an execution', () => {
  const request = importRequest();

  it('is the same for the same object, whatever else an event says', () => {
    expect(executionName(importRequest({ droppedAt: 'x' }))).toBe(executionName(request));
  });

  it('differs for another version, key or bucket and is a name that Lambda takes', () => {
    const names = [
      request,
      { ...request, versionId: 'v' },
      { ...request, eTag: 'f' },
      { ...request, sequencer: '2' },
      { ...request, key: 'imports/t/b.csv' },
      { ...request, bucket: 'c' },
      { ...request, table: 'x'.repeat(80) },
    ].map(executionName);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,60}$/);
  });
});

describe('a results folder', () => {
  it('is one of its own for each version of a file, also of the same millisecond', () => {
    const folders = ['v1', 'v2'].map((versionId) => resultsFolder(importRequest({ versionId }), 'results/'));
    expect(new Set(folders).size).toBe(2);
    for (const folder of folders)
      expect(folder).toMatch(/^results\/t\/x\/2026-11-24T03-00-00-000Z-[0-9a-f]{8}\/$/);
  });

  it.each(['x', 'ä', '😀', 'deep/'])(
    'leaves room for the names of its files however long the key is: %s',
    (unit) => {
      const long = unit.repeat(Math.floor(1_000 / Buffer.byteLength(unit)));
      const names = [long, `${long}2`];
      const folders = names.map((name) => resultsFolder(importRequest({ name }), 'results/'));
      for (const folder of folders) {
        expect(Buffer.byteLength(folder)).toBeLessThanOrEqual(960);
        expect(folder).not.toContain('\uFFFD');
      }
      expect(folders[0]).not.toBe(folders[1]);
    },
  );

  it('keeps a name that is short enough as it is', () => {
    expect(shortened('a/b c', 5)).toBe('a/b c');
  });
});

describe('the mark in the keys of rows', () => {
  it('differs between two deployments that read one bucket', () => {
    const [one, other] = ['a/dev', 'a/prod'].map((deployment) => versionMark(importRequest({ deployment })));
    expect(one).not.toBe(other);
  });
});
