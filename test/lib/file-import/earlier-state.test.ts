import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import type { StateItem } from '../../../lib/aws/state-table.ts';
import { importActivities } from '../../../lib/file-import/activities.ts';
import { groupName, importFolder } from '../../../lib/file-import/folder.ts';
import { parseInput } from '../../../lib/file-import/import-input.ts';
import { importRequestSchema } from '../../../lib/file-import/schedule/import-request.ts';
import { waitingState } from '../../../lib/file-import/state.ts';
import { startWorld } from './world.ts';

/**
 * What the code before the commit 844274a left: an import of 60 rows that goes on in its second execution, 40 of them sent, and one
 * behind it in the wait-list; the objects of the bucket, the items of the state table, and the staging rows of the instance.
 */
const earlier = z
  .object({
    writtenAt: z.string(),
    input: z.unknown(),
    waiting: importRequestSchema,
    items: z.array(z.custom<StateItem>((item) => typeof item === 'object')),
    objects: z.record(z.string(), z.string()),
    rows: z.record(z.string(), z.array(z.record(z.string(), z.string()))),
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, 'earlier-state.json'), 'utf8')));

/** The state as it was left, or as a newer release would have left it: with fields that this one does not know. */
async function startWith({ items, objects }: Pick<typeof earlier, 'items' | 'objects'>) {
  const world = await startWorld();
  onTestFinished(() => world.close());
  world.clock.advance(Date.parse(earlier.writtenAt) + 1_000 - Date.now());
  for (const [key, text] of Object.entries(objects)) await world.put(key, text);
  for (const item of items) await world.table.put(item);
  for (const [table, rows] of Object.entries(earlier.rows))
    for (const row of rows) world.instance.state.store.seed(table, row);
  return world;
}

const upgrade = () => startWith(earlier);

/** Objects whose keys are names, not fields. */
const maps = ['setLines', 'constants'];

/** A field that this release does not know in every object of a value. */
function withNewFields<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (key, inner: unknown) => {
    const isObject = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
    return isObject && !maps.includes(key) ? { ...inner, ofNewerRelease: { is: 'new' } } : inner;
  });
}

function rollBack() {
  const work = (key: string) => key.includes('/work/') && !key.includes('/work/results-');
  const objects = Object.entries(earlier.objects).map(([key, text]) => [
    key,
    work(key) ? JSON.stringify(withNewFields(JSON.parse(text))) : text,
  ]);
  return startWith({ items: withNewFields(earlier.items), objects: Object.fromEntries(objects) });
}

it.each([
  ['earlier code', upgrade, earlier.input],
  ['a newer release, after a rollback', rollBack, withNewFields(earlier.input)],
])(
  'goes on with a running import of %s: every row once, and then the drop behind it',
  async (_, begin, input) => {
    const world = await begin();
    const summary = await world.goOn(parseInput(input));
    expect(summary).toMatchObject({
      status: 'completed',
      lines: { rows: 60 },
      counts: { inserted: 60, unknown: 0 },
    });
    const codes = world.rows('imp_load').map((row) => String(row['u_code']));
    expect([codes.length, new Set(codes).size]).toEqual([60, 60]);
    expect(world.started.map(({ key }) => key)).toEqual([earlier.waiting.key]);
    expect(world.lines.filter(({ event }) => event === 'import-lost')).toEqual([]);
    expect(await world.run(earlier.waiting)).toMatchObject({ status: 'completed', counts: { inserted: 3 } });
    expect(await world.waiting()).toEqual([]);
  },
);

it('knows the drops that earlier code received, whenever their events come again', async () => {
  const world = await upgrade();
  expect(await world.schedule.receive(earlier.waiting)).toMatchObject({ kind: 'repeated' });
  expect(await world.waiting()).toHaveLength(3);
});

it('reads the request of a file that was dropped again without what a newer release added to it', () => {
  const first = { key: earlier.waiting.key, eTag: 'e', import: 'imp_load-1' };
  const request = { ...earlier.waiting, droppedBy: 'AROADROPPER', redropped: { times: 1, first } };
  expect(importRequestSchema.parse(withNewFields(request))).toEqual(request);
});

it('goes on with a group in rows mode that the release before made longer: what was under way is not sent again', async () => {
  const world = await startWorld({ demoData: false });
  onTestFinished(() => world.close());
  await world.settings('imp_load', {
    ...{ mode: 'rows', keyColumn: 'u_key', inDoubtSeconds: 1 },
    ...{ rowsPerRequest: 4_000, concurrency: 1 },
  });
  const lines = Array.from({ length: 4_010 }, (_, i) => `code-${i},x`);
  const request = await world.drop('imports/imp_load/long.csv', ['u_code,u_text', ...lines].join('\n'));
  await world.schedule.receive(request);
  const activities = importActivities({
    scope: world.scope(() => world.client),
    schedule: world.schedule,
    startExecution: async () => undefined,
  });
  const begun = await activities.advance(request, waitingState(), false);
  let { state } = begun;
  while (state.phase === 'waiting' || state.phase === 'loading')
    ({ state } = await activities.advance(request, state, false));
  // The process died after the answers to the first chunk; both were in one group.
  const folder = importFolder(world.s3, request.bucket, request.resultsFolder);
  const {
    next: _,
    isExact: __,
    ...first
  } = z.looseObject({}).parse(JSON.parse((await folder.read(groupName('load', 0))) ?? ''));
  await folder.write(groupName('load', 0), JSON.stringify({ ...first, ended: false, announced: 8 }));
  await world.delete(`${request.resultsFolder}${groupName('load', 1)}`);
  const summary = await world.goOn({ request, resume: begun.state });
  expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 4_010, unknown: 0 } });
  expect(world.rows('imp_load')).toHaveLength(4_010);
});
