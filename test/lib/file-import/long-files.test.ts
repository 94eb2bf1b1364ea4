import { expect, it, onTestFinished } from 'vitest';
import { headObject } from '../../../lib/aws/s3.ts';
import { slicesOf } from '../../../lib/file-import/verdicts/collect-verdicts.ts';
import { bucket, startWorld } from './world.ts';

async function worldWith(options: Parameters<typeof startWorld>[0] = {}) {
  const world = await startWorld(options);
  onTestFinished(() => world.close());
  return world;
}

const linesOf = (csv: string) =>
  csv
    .trimEnd()
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(','));

it.each([
  ['in one execution', {}],
  ['in several', { operationsPerExecution: 8 }],
])(
  'gives every line its own verdict, also in a group of more import sets than one query names, %s',
  async (_, settings) => {
    const world = await worldWith();
    await world.settings('imp_load', { rowsPerRequest: 2, ...settings });
    const isRejected = (i: number) => i % 41 === 0;
    const rows = Array.from({ length: 830 }, (_, i) => (isRejected(i) ? 'ragged' : `long-${i},row ${i}`));
    const body = ['u_code,u_text', ...rows].join('\n');
    const summary = await world.run(await world.drop('imports/imp_load/long.csv', body));
    const sets = world.rows('sys_import_set').map((set) => set['sys_id']);
    expect(sets.length).toBeGreaterThan(400);
    expect(summary.importSets.count).toBe(sets.length);
    expect(new Set(summary.importSets.first).size).toBe(200);
    expect(sets).toEqual(expect.arrayContaining([...summary.importSets.first]));
    expect(summary.executions > 1).toBe('operationsPerExecution' in settings);
    const listed = linesOf(await world.read(summary.results['results'] ?? ''));
    const shown = listed.map(([line, outcome, , , display]) => [Number(line), outcome, display]);
    expect(shown).toEqual(
      rows.map((_, i) => (isRejected(i) ? [i + 2, 'rejected', ''] : [i + 2, 'inserted', `long-${i}`])),
    );
  },
);

it('joins results of several megabytes to one file with every line once, in order', async () => {
  const world = await worldWith({ switches: { sinkStagingTables: ['*'], sinkKeepsRows: false } });
  await world.settings('imp_load', { rowsPerRequest: 1_000 });
  const count = 170_000;
  const body = ['u_code,u_text', ...Array.from({ length: count }, (_, i) => `code-${i},x`)].join('\n');
  const summary = await world.run(await world.drop('imports/imp_load/large.csv', body));
  expect(summary.counts).toMatchObject({ inserted: count });
  const key = summary.results['results'] ?? '';
  expect((await headObject(world.s3, { bucket, key }))?.eTag).toMatch(/-[2-9]$/);
  const text = await world.read(key);
  expect(text.startsWith('line,outcome,')).toBe(true);
  expect(linesOf(text).findIndex(([line, outcome], i) => line !== `${i + 2}` || outcome !== 'inserted')).toBe(
    -1,
  );
  expect(text.split('\r\n')).toHaveLength(count + 2);
});

it.each([
  ['few small chunks in one slice', [3, 3, 3], [[3, 3, 3]]],
  [
    'no more rows than are held at once',
    [30_000, 10_000, 1, 39_999],
    [
      [30_000, 10_000],
      [1, 39_999],
    ],
  ],
  ['a chunk of more rows alone', [90_000, 1], [[90_000], [1]]],
  ['none', [], []],
])('reads verdicts by slices: %s', (_, rows, expected) => {
  const slices = slicesOf(rows.map((count) => ({ rows: count })));
  expect(slices.map((slice) => slice.map((chunk) => chunk.rows))).toEqual(expected);
});
