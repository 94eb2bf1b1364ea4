import { describe, expect, it, onTestFinished } from 'vitest';
import type { InstanceOptions } from '../../../../emulator/instance/index.ts';
import type { ImportSummary } from '../../../../lib/file-import/report/summary.ts';
import { loadData } from '../load-table.ts';
import { startWorld, type World } from '../world.ts';

const secondMap = 'b'.repeat(32);

/** Two maps: the second one writes to `u_item` too, under other codes. */
const twoMaps: NonNullable<InstanceOptions['data']> = {
  sys_transform_map: [
    ...(loadData['sys_transform_map'] ?? []).map((map) => ({ ...map, order: '100' })),
    {
      sys_id: secondMap,
      name: 'Second',
      source_table: 'imp_load',
      target_table: 'u_item',
      active: 'true',
      order: '200',
    },
  ],
  sys_transform_entry: [
    ...(loadData['sys_transform_entry'] ?? []),
    { map: secondMap, source_field: 'u_text', target_field: 'u_code', coalesce: 'true' },
  ],
};

async function worldWith(options: Parameters<typeof startWorld>[0]): Promise<World> {
  const world = await startWorld({ demoData: false, ...options });
  onTestFinished(() => world.close());
  return world;
}

const load = (count: number) =>
  ['u_code,u_text', ...Array.from({ length: count }, (_, i) => `code-${i},text-${i}`)].join('\n');

/** Line -> outcome and message. */
async function listed(world: World, summary: ImportSummary): Promise<string[]> {
  const text = await world.read(summary.results['results'] ?? '');
  return text
    .trimEnd()
    .split('\r\n')
    .slice(1)
    .map((row) => row.split(',')[1] ?? '');
}

const run = async (world: World, body: string, settings: object = {}) => {
  await world.settings('imp_load', settings);
  return world.run(await world.drop('imports/imp_load/x.csv', body));
};

describe('a row that several transform maps take', () => {
  it.each([
    ['insertMultiple', {}],
    ['insertMultiple with keys', { keyColumn: 'u_key' }],
    ['rows', { mode: 'rows' }],
  ])('is an error when any map failed, not only the last: %s', async (_, settings) => {
    const world = await worldWith({ data: twoMaps });
    world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
      code === 'code-3' ? { error: 'the first map says no' } : {},
    );
    const summary = await run(world, load(6), settings);
    expect(summary.counts).toMatchObject({ inserted: 5, error: 1 });
    expect((await listed(world, summary))[3]).toBe('error');
    expect(summary.messages[0]?.message).toContain('the first map says no');
  });

  it('is ignored only when all maps ignored it', async () => {
    const world = await worldWith({ data: twoMaps });
    world.instance.state.imports.scripts.set('Second', () => ({ ignore: true }));
    expect((await run(world, load(4))).counts).toMatchObject({ inserted: 4, ignored: 0 });
    world.instance.state.imports.scripts.set('Load', () => ({ ignore: true }));
    expect((await run(world, load(4).replaceAll('code-', 'new-'))).counts).toMatchObject({ ignored: 4 });
  });

  it('is ignored by one map and updated by another: row by row', async () => {
    const world = await worldWith({ data: twoMaps });
    world.instance.state.imports.scripts.set('Second', ({ u_code: code }) =>
      code === 'code-1' ? { ignore: true } : {},
    );
    world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
      code === 'code-1' || code === 'code-2' ? { ignore: true } : {},
    );
    expect(await listed(world, await run(world, load(4)))).toEqual([
      'inserted',
      'ignored',
      'inserted',
      'inserted',
    ]);
  });
});

describe('a row that a transform script ignored', () => {
  it('is told as ignored with the reason, and the report does not say that every row arrived', async () => {
    const world = await worldWith({});
    world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
      code === 'code-1' ? { ignore: true } : {},
    );
    const summary = await run(world, load(3));
    expect(summary.counts).toMatchObject({ inserted: 2, ignored: 1 });
    expect(summary.messages).toMatchObject([{ outcome: 'ignored', count: 1, lines: [3] }]);
    expect(await world.read(summary.results['report'] ?? '')).not.toContain('Every row arrived');
  });

  it('is not confused with one whose values are there already', async () => {
    const world = await worldWith({});
    await run(world, load(3));
    const summary = await run(world, `${load(3)}\n`);
    expect(summary).toMatchObject({ counts: { ignored: 3 }, messages: [] });
    expect(await world.read(summary.results['report'] ?? '')).toContain('Every row arrived');
  });
});

describe('verdicts without keys', () => {
  it.each([
    ['from 1', false],
    ['from 0', true],
  ])(
    'belong to their own lines where an instance numbers staging rows %s',
    async (_, stagingRowsFromZero) => {
      const world = await worldWith({ switches: { stagingRowsFromZero } });
      const bad = new Set(['code-0', 'code-9', 'code-10', 'code-24']);
      world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
        bad.has(code ?? '') ? { error: `no ${code}` } : {},
      );
      const summary = await run(world, load(25), { rowsPerRequest: 10 });
      const outcomes = await listed(world, summary);
      expect(outcomes.flatMap((outcome, i) => (outcome === 'error' ? `code-${i}` : []))).toEqual([...bad]);
      expect(summary.counts).toMatchObject({ inserted: 21, error: 4 });
    },
  );

  it('are unknown where rows are hidden so that their numbers cannot be told', async () => {
    const world = await worldWith({ switches: { stagingRowsFromZero: true } });
    const { access } = world.instance.control.auth;
    access.add({ table: 'imp_load', operation: 'read', where: { u_code: 'code-1' } });
    const summary = await run(world, load(3));
    expect(summary.counts.inserted + summary.counts.unknown).toBe(3);
  });
});
