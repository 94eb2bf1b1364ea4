import { PutObjectCommand } from '@aws-sdk/client-s3';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { importActivities } from '../../../lib/file-import/activities.ts';
import { type ImportState, waitingState } from '../../../lib/file-import/state.ts';
import { runImport } from '../../../lib/file-import/workflow.ts';
import { memoryDurable } from './memory-durable.ts';
import { bucket, startWorld, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld({ demoData: false });
  onTestFinished(() => world.close());
});

const load = (count: number) =>
  ['u_code,u_text', ...Array.from({ length: count }, (_, i) => `code-${i},text-${i}`)].join('\n');
const withKey = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'arn:aws:kms:us-east-1:1:key/k' } as const;
const hours = () => world.clock.waitedMs() / 3_600_000;

describe('a dropped file that S3 does not hand out', () => {
  it('is refused at once, with what to do, where it is archived', async () => {
    const archived = { StorageClass: 'GLACIER' } as const;
    const request = await world.drop('imports/imp_load/old.csv', load(3), undefined, archived);
    const summary = await world.run(request);
    expect(summary).toMatchObject({ status: 'refused' });
    expect(summary.reason).toContain('old.csv is archived; restore it, then drop the file again');
    expect(hours()).toBeLessThan(0.1);
    expect(await world.waiting()).toEqual([]);
  });

  it('is refused at once where it was deleted before its turn came, and the next drop has its turn', async () => {
    const gone = await world.drop('imports/imp_load/gone.csv', load(3));
    await world.delete(gone.key);
    const summary = await world.run(gone);
    expect(summary).toMatchObject({ status: 'refused' });
    expect(summary.reason).toContain('gone.csv');
    expect(JSON.parse(await world.read(`${gone.resultsFolder}summary.json`))).toMatchObject({
      status: 'refused',
    });
    expect(hours()).toBeLessThan(0.1);
    expect(await world.waiting()).toEqual([]);
    const next = await world.run(await world.drop('imports/imp_load/next.csv', load(2)));
    expect(next).toMatchObject({ status: 'completed', counts: { inserted: 2 } });
  });

  it('is refused within half an hour where its key may not be used, and the next drop has its turn', async () => {
    world.denied.add('kms:Decrypt');
    const request = await world.drop('imports/imp_load/secret.csv', load(3), undefined, withKey);
    const summary = await world.run(request);
    expect(summary).toMatchObject({ status: 'refused' });
    expect(summary.reason).toContain('secret.csv may not be read (AccessDenied');
    expect(hours()).toBeLessThan(0.5);
    expect(await world.waiting()).toEqual([]);
  });

  it('is imported where its key may be used again a few minutes later', async () => {
    world.denied.add('kms:Decrypt');
    const request = await world.drop('imports/imp_load/secret.csv', load(3), undefined, withKey);
    const run = world.run(request);
    for (const begun = world.clock.waitedMs(); world.clock.waitedMs() - begun < 120_000; )
      await world.clock.sleep(1_000);
    world.denied.clear();
    expect(await run).toMatchObject({ status: 'completed', counts: { inserted: 3 } });
  });

  it('has the results of the rows that were sent before', async () => {
    await world.settings('imp_load', { rowsPerRequest: 10, concurrency: 1 });
    const request = await world.drop('imports/imp_load/secret.csv', load(400_000), undefined, withKey);
    await world.schedule.receive(request);
    await world.schedule.startDue();
    const activities = importActivities({
      scope: world.scope(() => world.client),
      schedule: world.schedule,
      startExecution: async () => undefined,
    });
    let state: ImportState = waitingState();
    for (let step = 0; step < 2; step++) ({ state } = await activities.advance(request, state, false));
    world.denied.add('kms:Decrypt');
    const summary = await world.goOn({ request, resume: state });
    expect(summary).toMatchObject({ status: 'stopped', counts: { inserted: 100 } });
    expect(hours()).toBeLessThan(1);
    expect(await world.read(summary.results['results'] ?? '')).toContain('inserted');
    expect(await world.waiting()).toEqual([]);
  });
});

describe('settings that S3 does not hand out', () => {
  const put = async (more: object) => {
    const Body = JSON.stringify({ keyColumn: 'u_key' });
    await world.s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: 'imports/imp_load/_import.json', Body, ...more }),
    );
  };

  it.each([
    ['archived', { StorageClass: 'GLACIER' }, '_import.json: is archived'],
    ['of another key', withKey, '_import.json may not be read'],
  ])('refuse the import, as their own drop says nothing: %s', async (_, more, reason) => {
    world.denied.add('kms:Decrypt');
    await put(more);
    const summary = await world.run(await world.drop('imports/imp_load/x.csv', load(3)));
    expect(summary).toMatchObject({ status: 'refused' });
    expect(summary.reason).toContain(reason);
    expect(world.rows('imp_load')).toHaveLength(0);
  });

  it('refuse the import where they are deleted while it waits, also in a bucket without versions', async () => {
    await put({});
    const request = await world.drop('imports/imp_load/x.csv', load(3));
    await world.delete('imports/imp_load/_import.json');
    const summary = await world.run(request);
    expect(summary).toMatchObject({ status: 'refused' });
    expect(summary.reason).toContain('what applied when the file was dropped has been deleted');
  });
});

describe('results that S3 does not take', () => {
  const drops = async () => {
    const first = await world.drop('imports/imp_load/first.csv', load(3));
    world.clock.advance(90_000);
    const second = await world.drop('imports/imp_load/second.csv', load(1));
    world.clock.advance(90_000);
    for (const request of [first, second]) await world.schedule.receive(request);
    await world.schedule.startDue();
    return { first, second };
  };
  const whichStarted = () => world.started.map(({ key }) => key);
  const until = async (isTrue: () => boolean, mostHours: number) => {
    const begunMs = world.clock.now();
    while (!isTrue() && world.clock.now() - begunMs < mostHours * 3_600_000) await world.clock.sleep(1_000);
  };

  it.each([
    ['before the first row', 0, { status: 'refused' }],
    ['while rows are sent', 1, { status: 'stopped', counts: { notSent: 3 } }],
    ['while verdicts are read', 2, { status: 'completed', counts: { inserted: 3 } }],
    ['at the very end', 3, { status: 'completed', counts: { inserted: 3 } }],
  ])(
    'hold the turn of their table for no more than an hour, and are there in the end: %s',
    async (_, steps, wanted) => {
      const { first, second } = await drops();
      const activities = importActivities({
        scope: world.scope(() => world.client),
        schedule: world.schedule,
        startExecution: async () => undefined,
      });
      let state: ImportState = waitingState();
      for (let step = 0; step < steps; step++) ({ state } = await activities.advance(first, state, false));
      world.denied.add('s3:PutObject');
      const run = runImport(memoryDurable(new Map(), world.clock), activities, {
        request: first,
        resume: state,
      });
      await until(() => whichStarted().length > 1, 1);
      expect(whichStarted()).toEqual([first.key, second.key]);
      world.denied.clear();
      const summary = await run;
      if (!('results' in summary)) throw new Error('it goes on elsewhere');
      expect(summary).toMatchObject(wanted);
      const listed = (await world.read(summary.results['results'] ?? '')).trimEnd().split('\r\n').slice(1);
      expect(listed).toHaveLength(steps === 0 ? 0 : 3);
      expect(await world.waiting()).toHaveLength(2);
    },
  );
});
