import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import type { StateItem } from '../../../lib/aws/state-table.ts';
import { parseInput } from '../../../lib/file-import/import-input.ts';
import { importRequestSchema } from '../../../lib/file-import/schedule/import-request.ts';
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

async function upgrade() {
  const world = await startWorld();
  onTestFinished(() => world.close());
  world.clock.advance(Date.parse(earlier.writtenAt) + 1_000 - Date.now());
  for (const [key, text] of Object.entries(earlier.objects)) await world.put(key, text);
  for (const item of earlier.items) await world.table.put(item);
  for (const [table, rows] of Object.entries(earlier.rows))
    for (const row of rows) world.instance.state.store.seed(table, row);
  return world;
}

it('goes on with a running import of earlier code: every row once, and then the drop behind it', async () => {
  const world = await upgrade();
  const summary = await world.goOn(parseInput(earlier.input));
  expect(summary).toMatchObject({
    status: 'completed',
    lines: { rows: 60 },
    counts: { inserted: 60, unknown: 0 },
  });
  const codes = world.rows('imp_load').map((row) => String(row['u_code']));
  expect([codes.length, new Set(codes).size]).toEqual([60, 60]);
  expect(world.started.map(({ key }) => key)).toEqual([earlier.waiting.key]);
  expect(await world.run(earlier.waiting)).toMatchObject({ status: 'completed', counts: { inserted: 3 } });
  expect(await world.waiting()).toEqual([]);
});

it('knows the drops that earlier code received, whenever their events come again', async () => {
  const world = await upgrade();
  expect(await world.schedule.receive(earlier.waiting)).toMatchObject({ kind: 'repeated' });
  expect(await world.waiting()).toHaveLength(3);
});
