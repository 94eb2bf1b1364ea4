import { describe, expect, it } from 'vitest';
import { parseDropKey } from '../../../../lib/file-import/schedule/drop-key.ts';
import { executionName } from '../../../../lib/file-import/schedule/import-request.ts';
import { parseS3Event } from '../../../../lib/file-import/schedule/s3-events.ts';
import { compareSequencers } from '../../../../lib/file-import/schedule/sequencer.ts';

describe('the key of a drop', () => {
  it.each([
    ['imports/imp_user/people.csv', { table: 'imp_user', name: 'people', format: 'csv', gzip: false }],
    [
      'imports/imp_user/2026/11/a b.TSV',
      { table: 'imp_user', name: '2026/11/a b', format: 'tsv', gzip: false },
    ],
    ['imports/u_x/deep.data.jsonl.gz', { table: 'u_x', name: 'deep.data', format: 'jsonl', gzip: true }],
  ])('says where %s goes', (key, drop) => {
    expect(parseDropKey(key)).toEqual(drop);
  });

  it.each([
    ['imports/imp_user/', 'not below'],
    ['imports/imp_user/sub/', 'a folder'],
    ['imports/imp_user/_import.json', 'settings'],
    ['imports/imp_user/readme.txt', 'ends in none'],
    ['imports/imp user;x/people.csv', 'no table name'],
    ['results/imp_user/people/summary.json', 'not below'],
    ['imports/people.csv', 'not below'],
  ])('leaves %s alone', (key, reason) => {
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
      key: 'imports/imp_user/a bé+.csv',
      request: {
        bucket: 'b',
        key: 'imports/imp_user/a bé+.csv',
        versionId: 'v1',
        eTag: 'e',
        size: 5,
        table: 'imp_user',
        droppedAt: '2026-11-24T03:00:00.000Z',
        sequencer: '1A',
      },
    });
  });

  it('is nothing when it is the test event of a new notification', () => {
    expect(parseS3Event('{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}')).toEqual([]);
  });

  it.each([
    ['a removal', record('imports/t/a.csv', {}, 'ObjectRemoved:Delete'), 'event ObjectRemoved:Delete'],
    ['an empty object', record('imports/t/a.csv', { size: 0 }), 'an empty object'],
    ['our own output', record('results/t/a/results.csv'), 'not below'],
  ])('starts nothing for %s', (_, one, ignored) => {
    expect(parseS3Event(eventOf(one))).toMatchObject([{ ignored: expect.stringContaining(ignored) }]);
  });

  it.each(['nonsense', '{}', '{"Records":[{}]}'])('is refused when it is none: %s', (body) => {
    expect(() => parseS3Event(body)).toThrow(/^body/);
  });
});

describe('sequencers', () => {
  it('compare as hexadecimal padded on the right', () => {
    expect(compareSequencers('0055AED6DCD90281E5', '0055AED6DCD90281E6')).toBeLessThan(0);
    expect(compareSequencers('0055AED6DCD90281E5', '0055AED6DCD90281E500')).toBe(0);
    expect(compareSequencers('0055AED7', '0055AED6DCD90281E5')).toBeGreaterThan(0);
    expect(compareSequencers('0055aed7', '0055AED7')).toBe(0);
  });
});

describe('the name of an execution', () => {
  const request = {
    bucket: 'b',
    key: 'imports/t/a.csv',
    eTag: 'e',
    size: 1,
    table: 't',
    droppedAt: '',
    sequencer: '',
  };

  it('is the same for the same object, whatever else an event says', () => {
    expect(executionName({ ...request, droppedAt: 'x', sequencer: 'y' })).toBe(executionName(request));
  });

  it('differs for another version, key or bucket and is a name that Lambda takes', () => {
    const names = [
      request,
      { ...request, versionId: 'v' },
      { ...request, eTag: 'f' },
      { ...request, key: 'imports/t/b.csv' },
      { ...request, bucket: 'c' },
      { ...request, table: 'x'.repeat(80) },
    ].map(executionName);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,60}$/);
  });
});
