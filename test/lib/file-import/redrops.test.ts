import {
  CopyObjectCommand,
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
} from '@aws-sdk/client-s3';
import { expect, it, onTestFinished } from 'vitest';
import { headObject } from '../../../lib/aws/s3.ts';
import { deadlineAt } from '../../../lib/core/clock.ts';
import type { ImportRequest } from '../../../lib/file-import/schedule/import-request.ts';
import { bucket, startWorld, type World } from './world.ts';

const ada = 'AWS:AROAADA00000:session-1';
const key = 'imports/imp_load/people.csv';
const again = (times: number) => `imports/imp_load/people~again-${times}.csv`;
const rows = 200;
const file = ['u_code,u_text', ...Array.from({ length: rows }, (_, i) => `c${i},row ${i}`)].join('\n');

async function start() {
  const world = await startWorld({ demoData: false });
  onTestFinished(() => world.close());
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await world.s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
  await world.settings('imp_load', { rowsPerRequest: 10, concurrency: 1 });
  return world;
}

/** The instance is away for imports, once it has taken so many requests of them. */
function goAway({ instance }: World, skip: number): void {
  const match = { path: '/api/now/*' };
  const load = { method: 'POST', path: '/api/now/import/*' };
  if (skip > 0) instance.control.faults.add({ match: load, action: 'unavailable', skip, count: 100_000 });
  else instance.control.faults.add({ match, action: 'unavailable', count: 100_000 });
}
const comeBack = ({ instance }: World) => instance.control.faults.clear();

const dropDue = (world: World) =>
  world.redrops.dropDue(world.s3, world.log, deadlineAt(world.clock.now() + 300_000, world.clock));

let events = 0;
/** What startImport makes of the event of an object as it is now. */
async function arrive(world: World, object: string, droppedBy: string): Promise<ImportRequest | undefined> {
  const head = await headObject(world.s3, { bucket, key: object });
  if (head === undefined) throw new Error(`no ${object}`);
  const record = {
    ...{ eventName: 'ObjectCreated:Copy', eventTime: new Date(world.clock.now()).toISOString() },
    userIdentity: { principalId: droppedBy },
    s3: {
      bucket: { name: bucket },
      object: { key: object, ...head, sequencer: String(++events).padStart(16, '0') },
    },
  };
  const before = world.started.length;
  await world.receive({ messageId: '1', body: JSON.stringify({ Records: [record] }) });
  return world.started[before];
}

/** Drops the file, and the instance goes away after some of its rows. */
async function abandoned(world: World, requests: number) {
  goAway(world, requests);
  const summary = await world.run(await world.drop(key, file, ada));
  expect(summary.reason).toMatch(/^abandoned: /);
  comeBack(world);
  return summary;
}

const codes = (world: World) => world.rows('imp_load').map((row) => String(row['u_code']));
const redropper = ({ redropper }: World) => `AWS:${redropper}:redropImports`;

it.each([
  ['after some of its rows: those that were never sent', 4, 'stopped'],
  ['before its first row: the whole file', 0, 'refused'],
])('drops a file again that an outage ended %s', async (_when, requests, status) => {
  const world = await start();
  const { counts, ...first } = await abandoned(world, requests);
  expect(first.status).toBe(status);
  const left = requests > 0 ? counts.notSent : rows;
  expect(left).toBeGreaterThan(0);
  const before = codes(world).length;
  expect(before > 0).toBe(requests > 0);
  expect(await dropDue(world)).toEqual({ dropped: 1, superseded: 0, failures: [] });
  const request = await arrive(world, again(1), redropper(world));
  if (!request) throw new Error('an import');
  const summary = await world.goOn({ request });
  expect(summary).toMatchObject({ status: 'completed', counts: { inserted: left } });
  expect(codes(world)).toHaveLength(before + left);
  expect(new Set(codes(world)).size).toBe(before + left);
  expect(await dropDue(world)).toEqual({ dropped: 0, superseded: 0, failures: [] });
});

it('names who dropped the file first, in the log and in the import', async () => {
  const world = await start();
  await abandoned(world, 4);
  await dropDue(world);
  expect(await arrive(world, again(1), redropper(world))).toMatchObject({
    droppedBy: ada,
    redropped: { times: 1, first: { key } },
  });
  const callers = (event: string) => world.lines.filter((line) => line['event'] === event);
  expect(callers('import-redropped')).toMatchObject([{ caller: ada, key, target: again(1) }]);
  expect(callers('drop-received').at(-1)).toMatchObject({ caller: ada, key: again(1) });
});

it('takes a file of the same name from anybody else for what it is: a drop of theirs', async () => {
  const world = await start();
  await abandoned(world, 4);
  await dropDue(world);
  const request = await arrive(world, again(1), 'AWS:AROABEN00000:session');
  expect(request?.droppedBy).toBe('AWS:AROABEN00000:session');
  expect(request?.redropped).toBeUndefined();
});

it('makes one copy however many do it at once, and none the next time', async () => {
  const world = await start();
  await abandoned(world, 4);
  await Promise.all([dropDue(world), dropDue(world)]);
  await dropDue(world);
  const copies = (await world.keys('imports/imp_load/')).filter((one) => one.includes('~again'));
  expect(copies).toEqual([again(1)]);
  expect(await versionsOf(world, again(1))).toBe(1);
});

it('drops nothing again of which a later version was imported meanwhile', async () => {
  const world = await start();
  await abandoned(world, 4);
  await world.run(await world.drop(key, 'u_code\nlater', ada));
  expect(await dropDue(world)).toEqual({ dropped: 0, superseded: 1, failures: [] });
  expect(await world.keys('imports/imp_load/people~')).toEqual([]);
});

it('drops nothing again whose file is gone, or has a version whose event has not arrived', async () => {
  for (const change of ['delete', 'replace']) {
    const world = await start();
    await abandoned(world, 4);
    if (change === 'delete') await world.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    else await world.put(key, 'u_code\nlater');
    expect(await dropDue(world)).toEqual({ dropped: 0, superseded: 1, failures: [] });
  }
});

it('does not import what was dropped again once a later version of the file has arrived', async () => {
  const world = await start();
  await abandoned(world, 4);
  await dropDue(world);
  await world.schedule.receive(await world.drop(key, 'u_code\nlater', ada));
  await arrive(world, again(1), redropper(world));
  const [summary] = (await world.keys('results/imp_load/people~again-1/')).filter((one) =>
    one.endsWith('summary.json'),
  );
  expect(JSON.parse(await world.read(summary ?? ''))).toMatchObject({
    status: 'superseded',
    reason: `superseded by version a later drop of ${key} of the same key`,
  });
});

it('drops a file again three times, then says that it gives up', async () => {
  const world = await start();
  await abandoned(world, 4);
  for (const times of [1, 2, 3]) {
    expect(await dropDue(world)).toMatchObject({ dropped: 1 });
    goAway(world, 0);
    const request = await arrive(world, again(times), redropper(world));
    if (!request) throw new Error('an import');
    await world.goOn({ request });
    comeBack(world);
  }
  expect(await dropDue(world)).toMatchObject({ dropped: 0 });
  expect(world.lines.filter(({ event }) => event === 'import-given-up')).toMatchObject([
    { times: 3, caller: ada },
  ]);
});

it.each([
  ['its own failures', { maxErrors: 0 }, 'u_code,u_count\na,1\nb'],
  ['what it lacks', {}, 'no_such_column\na'],
])('leaves an import alone that ended for %s', async (_why, settings, body) => {
  const world = await start();
  await world.settings('imp_load', settings);
  expect((await world.run(await world.drop(key, body, ada))).status).not.toBe('completed');
  expect(await dropDue(world)).toEqual({ dropped: 0, superseded: 0, failures: [] });
});

it('says what it could not drop, and does so the next time', async () => {
  const world = await start();
  const { results } = await abandoned(world, 4);
  const unsent = results['unsent'] ?? '';
  await world.s3.send(
    new CopyObjectCommand({ Bucket: bucket, Key: 'kept', CopySource: `${bucket}/${unsent}` }),
  );
  await world.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: unsent }));
  const { failures } = await dropDue(world);
  expect(failures).toMatchObject([expect.stringContaining(`${key}: `)]);
  await world.s3.send(new CopyObjectCommand({ Bucket: bucket, Key: unsent, CopySource: `${bucket}/kept` }));
  expect(await dropDue(world)).toMatchObject({ dropped: 1 });
});

async function versionsOf(world: World, object: string): Promise<number> {
  const { Versions = [] } = await world.s3.send(
    new ListObjectVersionsCommand({ Bucket: bucket, Prefix: object }),
  );
  return Versions.length;
}

it('drops a file again whose key has hardly room for more', async () => {
  const world = await start();
  const long = `imports/imp_load/${'sub/'.repeat(250)}abc.csv`;
  expect(long.length).toBe(1_024);
  goAway(world, 0);
  await world.run(await world.drop(long, file, ada));
  comeBack(world);
  expect(await dropDue(world)).toEqual({ dropped: 1, superseded: 0, failures: [] });
  const [again] = (await world.keys('imports/imp_load/')).filter((one) => one.includes('~again-1'));
  expect(again).toMatch(/^imports\/imp_load\/sub\/.*~again-1\.csv$/);
  const request = await arrive(world, again ?? '', redropper(world));
  expect(request).toMatchObject({ droppedBy: ada, redropped: { first: { key: long } } });
});
