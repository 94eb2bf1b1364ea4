import {
  DeleteObjectCommand,
  GetObjectTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { receiveDrops } from '../../../lib/file-import/receive-drops.ts';
import { wakeUpMessage } from '../../../lib/file-import/schedule/schedule.ts';
import { bucket, startWorld, type World } from './world.ts';

let world: World;
let sequence: number;

beforeEach(async () => {
  world = await startWorld({ demoData: false });
  onTestFinished(() => world.close());
  sequence = 0;
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await world.s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
});

type Event = { readonly key: string; readonly body: string };

/** Stores a file and gives the message that reports it. */
async function drop(key: string, body: string, more: object = {}): Promise<Event> {
  const put = new PutObjectCommand({ Bucket: bucket, Key: key, Body: Buffer.from(body) });
  const { ETag, VersionId } = await world.s3.send(put);
  const object = {
    key: encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/'),
    size: Buffer.byteLength(body),
    eTag: ETag,
    versionId: VersionId,
    sequencer: String(++sequence).padStart(8, '0'),
    ...more,
  };
  const eventTime = new Date(world.clock.now()).toISOString();
  const record = { eventName: 'ObjectCreated:Put', eventTime, s3: { bucket: { name: bucket }, object } };
  return { key, body: JSON.stringify({ Records: [record] }) };
}

const receive = (...events: readonly Event[]) =>
  world.receive(...events.map(({ body }, i) => ({ messageId: String(i), body })));

/** All summaries below a prefix. */
async function summaries(prefix: string) {
  const keys = (await world.keys(prefix)).filter((key) => key.endsWith('/summary.json'));
  return Promise.all(keys.map(async (key) => ({ key, ...JSON.parse(await world.read(key)) })));
}

const csv = 'u_code,u_text\na,x';

describe('a dropped file', () => {
  it('is imported with the settings as they stood at its drop, however late its event is', async () => {
    await world.settings('imp_load', { constants: { u_text: 'then' } });
    const event = await drop('imports/imp_load/a.csv', 'u_code\na');
    world.clock.advance(5_000);
    await world.settings('imp_load', { constants: { u_text: 'now' }, resultsPrefix: 'results/now/' });
    await receive(event);
    const [request] = world.started;
    if (!request) throw new Error('an import');
    const summary = await world.run(request);
    expect(summary.settings?.constants).toEqual({ u_text: 'then' });
    expect(summary.results['summary']).toMatch(/^results\/imp_load\/a\//);
    expect(world.rows('imp_load')).toMatchObject([{ u_text: 'then' }]);
  });

  it('keeps the settings that it was received with while it waits', async () => {
    await world.settings('imp_load', { constants: { u_text: 'then' } });
    await receive(await drop('imports/imp_load/first.csv', 'u_code\nf'));
    await receive(await drop('imports/imp_load/second.csv', 'u_code\ns'));
    const [first] = world.started;
    if (!first) throw new Error('an import');
    await world.settings('imp_load', { constants: { u_text: 'now' } });
    await world.run(first);
    const second = world.started[1];
    if (!second) throw new Error('the second import');
    await world.run(second);
    expect(world.rows('imp_load').map((row) => row['u_text'])).toEqual(['then', 'then']);
  });

  it('shows that it waits for its turn', async () => {
    await receive(await drop('imports/imp_load/first.csv', csv));
    await receive(await drop('imports/imp_load/second.csv', csv));
    const [progress] = (await world.keys('results/imp_load/second/')).filter((key) =>
      key.endsWith('progress.json'),
    );
    expect(JSON.parse(await world.read(progress ?? ''))).toMatchObject({ phase: 'waiting', rows: 0 });
  });

  it('takes one line with folders whose names differ in case, and reads the settings of its own folder', async () => {
    await receive(await drop('imports/imp_load/first.csv', csv));
    await world.settings('IMP_Load', { constants: { u_text: 'upper' } });
    await receive(await drop('imports/IMP_Load/second.csv', 'u_code\nb'));
    expect(world.started).toHaveLength(1);
    const [first] = world.started;
    if (!first) throw new Error('an import');
    await world.run(first);
    const [, second] = world.started;
    if (!second) throw new Error('the second import');
    expect(await world.run(second)).toMatchObject({ status: 'completed', stagingTable: 'imp_load' });
    expect(world.rows('imp_load').map((row) => row['u_text'])).toContain('upper');
  });

  it('goes by the settings of its table where its folder, in another case, has none', async () => {
    await world.settings('imp_load', { constants: { u_text: 'of the table' } });
    await receive(await drop('imports/Imp_LOAD/third.csv', 'u_code\nc'));
    const [third] = world.started;
    if (!third) throw new Error('an import');
    await world.run(third);
    expect(world.rows('imp_load').map((row) => row['u_text'])).toContain('of the table');
  });

  it('is imported under a key of 1,024 bytes', async () => {
    const key = `imports/imp_load/${'k'.repeat(1_003)}.csv`;
    expect(Buffer.byteLength(key)).toBe(1_024);
    await receive(await drop(key, csv));
    const [request] = world.started;
    if (!request) throw new Error('an import');
    expect(await world.run(request)).toMatchObject({ status: 'completed', source: { key } });
  });
});

describe('the tag by which the bucket deletes old drops', () => {
  const ours = { Key: 'servicenow-functions', Value: 'drop' };
  const tagsOf = async (Key: string) =>
    (await world.s3.send(new GetObjectTaggingCommand({ Bucket: bucket, Key }))).TagSet;
  const tag = (Key: string, TagSet: { readonly Key: string; readonly Value: string }[]) =>
    world.s3.send(new PutObjectTaggingCommand({ Bucket: bucket, Key, Tagging: { TagSet } }));

  it.each(['imports/imp_load/a.csv', 'imports/imp_load/sub/b.jsonl.gz', 'imports/imp_load/notes.txt'])(
    'is given to %s',
    async (key) => {
      await receive(await drop(key, csv));
      expect(await tagsOf(key)).toEqual([ours]);
    },
  );

  it('is never given to the settings of a folder, which stay', async () => {
    await receive(
      await drop('imports/imp_load/_import.json', '{}'),
      await drop('imports/imp_load/a.csv', csv),
    );
    expect(await tagsOf('imports/imp_load/_import.json')).toEqual([]);
  });

  it('stands with the tags that the file has, unless there is no room', async () => {
    const [some, full] = ['imports/imp_load/some.csv', 'imports/imp_load/full.csv'];
    const others = Array.from({ length: 10 }, (_, i) => ({ Key: `k${i}`, Value: 'v' }));
    const events = [await drop(some, csv), await drop(full, csv)];
    await tag(some, [{ Key: 'team', Value: 'hr' }]);
    await tag(full, others);
    expect(await receive(...events)).toEqual([]);
    expect(await tagsOf(some)).toEqual([{ Key: 'team', Value: 'hr' }, ours]);
    expect(await tagsOf(full)).toEqual(others);
  });

  it('is left out for a file that was deleted meanwhile', async () => {
    const event = await drop('imports/imp_load/a.csv', csv);
    await world.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: event.key }));
    expect(await receive(event)).toEqual([]);
    expect(world.started).toHaveLength(1);
  });

  it.each(['s3:GetObjectTagging', 's3:PutObjectTagging'])(
    'is left out where the right to it is missing (%s), and said as an error',
    async (action) => {
      const event = await drop('imports/imp_load/a.csv', csv);
      world.denied.add(action);
      expect(await receive(event)).toEqual([]);
      expect(world.started).toHaveLength(1);
      const reason = expect.stringContaining('AccessDenied');
      expect(world.lines).toContainEqual(expect.objectContaining({ event: 'drop-not-tagged', reason }));
    },
  );

  it('brings the message back when S3 refuses it, and holds no import up', async () => {
    const event = await drop('imports/imp_load/a.csv', csv);
    const send = async (command: object) => {
      if (command instanceof PutObjectTaggingCommand) throw new Error('SlowDown');
      return world.s3.send(command as PutObjectCommand);
    };
    const s3 = Object.assign(Object.create(world.s3), { send });
    const { clock, log, schedule } = world;
    const deps = { s3, clock, log, schedule, deployment: 'test', tagsDrops: true };
    expect(await receiveDrops(deps, { Records: [{ messageId: '7', body: event.body }] })).toEqual(['7']);
    expect(world.started).toHaveLength(1);
    await receive(event);
    expect(await tagsOf(event.key)).toEqual([ours]);
  });
});

describe('every drop has an answer', () => {
  it('says by which version an older one is superseded, also when its event is delivered again', async () => {
    const older = await drop('imports/imp_load/a.csv', csv);
    const newer = await drop('imports/imp_load/a.csv', `${csv}\nb,y`);
    await receive(newer);
    await receive(older);
    await receive(older, newer);
    const answers = await summaries('results/imp_load/a/');
    expect(answers).toMatchObject([{ status: 'superseded', lines: { rows: 0 }, stagingTable: 'imp_load' }]);
    expect(answers[0].reason).toContain(world.started[0]?.versionId);
    expect(world.started).toHaveLength(1);
  });

  it('says that an empty file is empty', async () => {
    await receive(await drop('imports/imp_load/empty.csv', ''));
    expect(await summaries('results/imp_load/empty/')).toMatchObject([
      { status: 'refused', reason: 'the file is empty (0 bytes)' },
    ]);
    expect(world.started).toEqual([]);
  });

  it.each([
    ['imports/imp_load/notes.txt', 'must end in .csv'],
    ['imports/imp_load/sub/_import.json', 'settings belong in imports/imp_load/_import.json'],
    ['imports/imp_load/_Import.JSON', 'settings belong in imports/imp_load/_import.json'],
    ['imports/imp_load/import.jsonc', 'by exactly this name'],
    ['imports/imp-load/a.csv', 'is not a table name'],
    ['imports/a.csv', 'is not in a folder'],
    ['Imports/imp_load/a b+c ä.csv', 'is not in a folder'],
    [`imports/imp_load/${'n'.repeat(1_003)}.txt`, 'must end in .csv'],
  ])('says what is wrong with %s', async (key, reason) => {
    await receive(await drop(key, csv));
    const [answer, ...more] = await summaries('results/_refused/');
    expect(answer).toMatchObject({ status: 'refused', source: { key } });
    expect(answer.reason).toContain(reason);
    expect(Buffer.byteLength(answer.key)).toBeLessThanOrEqual(1_024);
    expect(more).toEqual([]);
  });

  it.each(['imports/imp_load/', 'imports/imp_load/_import.json'])('says nothing to %s', async (key) => {
    await receive(await drop(key, key.endsWith('/') ? '' : '{}'));
    expect(await world.keys('results/')).toEqual([]);
  });
});

describe('a message', () => {
  it('that cannot be read is dropped, and the others are not held up by it', async () => {
    const good = await drop('imports/imp_load/a.csv', csv);
    expect(await receive({ key: '', body: 'nonsense' }, { key: '', body: '{}' }, good)).toEqual([]);
    expect(world.started).toHaveLength(1);
  });

  it('comes back when its import could not be started, and starts it then', async () => {
    const event = await drop('imports/imp_load/a.csv', csv);
    const failing = {
      s3: world.s3,
      clock: world.clock,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      deployment: 'test',
      schedule: {
        ...world.schedule,
        startDue: () => Promise.reject(new Error('Lambda is away')),
      },
    };
    const message = { messageId: '7', body: event.body };
    expect(await receiveDrops(failing, { Records: [message] })).toEqual(['7']);
    expect(await receive(event)).toEqual([]);
    expect(world.started).toHaveLength(1);
  });

  it('that wakes the schedule in vain is replaced by a new one, which no count of receives ends', async () => {
    const failing = {
      ...{ s3: world.s3, clock: world.clock, log: world.log, deployment: 'test' },
      schedule: { ...world.schedule, startDue: () => Promise.reject(new Error('the table is away')) },
    };
    const Records = [{ messageId: '7', body: wakeUpMessage }];
    expect(await receiveDrops(failing, { Records })).toEqual([]);
    expect(world.wakes).toEqual([300]);
  });

  it('that wakes the schedule starts what is due', async () => {
    await world.drop('imports/imp_load/never.csv', csv);
    const event = await drop('imports/imp_load/a.csv', csv);
    world.clock.advance(-1);
    await receive(event);
    expect(world.started).toEqual([]);
    world.clock.advance(902_000);
    await receive({ key: '', body: wakeUpMessage });
    expect(world.started).toHaveLength(1);
  });

  it.each(['imp_load', 'Imp_Load'])(
    'does not overtake a drop of its table whose event is late, in the folder %s',
    async (folder) => {
      const early = await drop(`imports/${folder}/a.csv`, csv);
      world.clock.advance(2_000);
      await receive(await drop('imports/imp_load/b.csv', csv));
      expect(world.started).toEqual([]);
      await receive(early);
      expect(world.started.map(({ key }) => key)).toEqual([early.key]);
    },
  );

  it('that is no SQS event at all is refused with what to do instead', async () => {
    const deps = { s3: world.s3, clock: world.clock, deployment: '', schedule: world.schedule };
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    await expect(receiveDrops({ ...deps, log }, {})).rejects.toThrow('event: is not an SQS event');
  });
});

it('answers a drop whose execution was stopped from outside, and passes its turn on', async () => {
  const world = await startWorld({ demoData: false });
  onTestFinished(() => world.close());
  const stopped = await world.drop('imports/imp_load/stopped.csv', 'u_code\na');
  world.clock.advance(90_000);
  const next = await world.drop('imports/imp_load/next.csv', 'u_code\nb');
  await world.schedule.receive(stopped);
  await world.schedule.receive(next);
  world.clock.advance(90_000);
  await world.schedule.startDue();
  await world.schedule.renew(stopped, 1_800_000);
  world.clock.advance(1_800_001);
  await world.schedule.startDue();
  world.clock.advance(600_000);
  await world.schedule.startDue();
  expect(world.started.map(({ key }) => key)).toEqual([stopped.key, next.key]);
  const summary = JSON.parse(await world.read(`${stopped.resultsFolder}summary.json`));
  expect(summary).toMatchObject({ status: 'stopped', source: { key: stopped.key } });
  expect(summary.reason).toContain('was stopped or timed out');
  await expect(world.read(`${next.resultsFolder}summary.json`)).rejects.toThrow('no ');
});

describe('an event of several objects', () => {
  /** One event of all of them. */
  const together = (...events: readonly Event[]): Event => ({
    key: '',
    body: JSON.stringify({ Records: events.flatMap(({ body }) => JSON.parse(body).Records) }),
  });

  it.each([
    ['whose key is no UTF-8', { key: 'imports/imp_load/%E4.csv' }, 'is not percent-encoded UTF-8'],
    ['whose table has no name', { key: 'imports/a%20b/x.csv' }, 'is not a table name'],
  ])('imports the good ones and answers one %s', async (_, more, reason) => {
    const [good, bad, other] = [
      await drop('imports/imp_load/a.csv', csv),
      await drop('imports/imp_load/b.csv', csv, more),
      await drop('imports/imp_other/c.csv', csv),
    ];
    expect(await receive(together(good, bad, other))).toEqual([]);
    expect(world.started.map(({ key }) => key).sort()).toEqual([good.key, other.key]);
    const [answer] = await summaries('results/_refused/');
    expect(answer).toMatchObject({ status: 'refused', reason: expect.stringContaining(reason) });
  });

  it('imports the good ones and answers one without a time', async () => {
    const [good, bad] = [
      await drop('imports/imp_load/a.csv', csv),
      await drop('imports/imp_load/b.csv', csv),
    ];
    const untimed = { ...bad, body: bad.body.replace(/"eventTime":"[^"]*"/, '"eventTime":"soon"') };
    expect(await receive(together(untimed, good))).toEqual([]);
    expect(world.started.map(({ key }) => key)).toEqual([good.key]);
    expect(await summaries('results/_refused/')).toMatchObject([{ source: { key: bad.key } }]);
  });

  it('imports the good ones next to records that name no object', async () => {
    const good = await drop('imports/imp_load/a.csv', csv);
    const body = JSON.stringify({ Records: [{}, null, ...JSON.parse(good.body).Records] });
    expect(await receive({ key: '', body })).toEqual([]);
    expect(world.started.map(({ key }) => key)).toEqual([good.key]);
    expect(world.lines).toContainEqual(expect.objectContaining({ event: 'drops-not-readable', count: 2 }));
  });

  it('imports those that can be received, where the answer to another one cannot be written', async () => {
    const [good, bad] = [
      await drop('imports/imp_load/a.csv', csv),
      await drop('imports/imp_load/b.txt', csv),
    ];
    world.denied.add('s3:PutObject');
    expect(await receive(together(bad, good))).toEqual(['0']);
    expect(world.started.map(({ key }) => key)).toEqual([good.key]);
    world.denied.clear();
    expect(await receive(together(bad, good))).toEqual([]);
    expect(world.started).toHaveLength(1);
    expect(await summaries('results/_refused/')).toHaveLength(1);
  });

  it('says nothing of a size: it is looked up', async () => {
    const nullish = { size: undefined, eTag: null, sequencer: null };
    const event = await drop('imports/imp_load/a.csv', csv, nullish);
    expect(await receive(event)).toEqual([]);
    expect(world.started).toMatchObject([{ key: event.key, size: csv.length }]);
    expect(world.started[0]?.eTag).not.toBe('');
  });
});

it('is superseded by a newer version without a byte, though its own event comes later', async () => {
  const old = await drop('imports/imp_load/a.csv', csv);
  const empty = await drop('imports/imp_load/a.csv', '');
  await receive(empty);
  await receive(old);
  expect(world.started).toEqual([]);
  const found = (await summaries('results/imp_load/')).map(({ status }) => status);
  expect(found.sort()).toEqual(['refused', 'superseded']);
});
