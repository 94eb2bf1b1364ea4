import { gzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import type { InstanceOptions } from '../../../../emulator/instance/index.ts';
import { arrivedRows } from '../../../../lib/file-import/report/summary.ts';
import { loadData, loadSchema } from '../load-table.ts';
import { startWorld } from '../world.ts';

/** A staging table with a column of each kind, under the map of the usual one. */
const typedSchema: NonNullable<InstanceOptions['schema']> = {
  tables: (loadSchema.tables ?? []).map((table) =>
    table.name === 'imp_load'
      ? {
          ...table,
          columns: [
            ...(table.columns ?? []),
            { name: 'u_price', label: 'Price', kind: 'decimal' },
            { name: 'u_flag', label: 'Flag', kind: 'boolean' },
            { name: 'u_day', label: 'Day', kind: 'date' },
            { name: 'u_at', label: 'At', kind: 'date_time' },
          ],
        }
      : table,
  ),
};

async function worldOfTypes() {
  const world = await startWorld({ demoData: false, schema: typedSchema, data: loadData });
  onTestFinished(() => world.close());
  return world;
}

const header = 'u_code,u_text,u_count,u_price,u_flag,u_day,u_at';
const sound = [
  'a,one,007,1.50,yes,2026-01-02,2026-01-02 03:04:05',
  'b,two,,,,,',
  'c,three,12.0,3,0,2026-01-02 00:00:00,2026-01-02T03:04:05Z',
];
const odd = 'd,four,n/a,much,true,soon,later';
const csv = [header, ...sound, odd, ...sound.map((row) => row.replace(/^./, 'x$&'))].join('\n');

it.each([
  ['without keys', {}, '.csv'],
  ['with keys', { keyColumn: 'u_key' }, '.csv'],
  ['of a compressed file, over several groups', { rowsPerRequest: 1 }, '.csv.gz'],
])(
  'a value that the instance did not keep is named with its row, which has not arrived as it is: %s',
  async (_, settings, ending) => {
    const world = await worldOfTypes();
    await world.settings('imp_load', settings);
    const body = ending.endsWith('.gz') ? gzipSync(csv) : csv;
    const summary = await world.run(await world.drop(`imports/imp_load/typed${ending}`, body));

    const [held] = world.rows('imp_load').filter((row) => row['u_code'] === 'd');
    expect(held).toMatchObject({ u_count: '', u_price: '', u_day: '', u_at: '' });
    expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 7 } });
    expect(arrivedRows(summary)).toBe(6);
    const message =
      'u_count is empty: the value of the file is no whole number; u_price is empty: the value of the file is no number; u_day is empty: the value of the file is no date (yyyy-MM-dd); u_at is empty: the value of the file is no time (yyyy-MM-dd HH:mm:ss)';
    expect(summary.messages).toEqual([
      { outcome: 'inserted', message: message.slice(0, 300), count: 1, lines: [5] },
    ]);
    const results = (await world.read(summary.results['results'] ?? '')).trimEnd().split('\r\n');
    expect(results.filter((line) => line.includes(' is empty: '))).toEqual([
      expect.stringMatching(/^5,inserted,u_item,.*u_count is empty/),
    ]);
    expect(await world.read(summary.results['report'] ?? '')).not.toContain('Every row arrived');
  },
);

it('a value that a column may not keep is named where single rows are sent, whose staging rows are not read', async () => {
  const world = await worldOfTypes();
  await world.settings('imp_load', { mode: 'rows' });
  const summary = await world.run(await world.drop('imports/imp_load/typed.csv', csv));
  expect(summary.counts.inserted).toBe(7);
  expect(arrivedRows(summary)).toBe(6);
  expect(summary.messages.map(({ message, lines }) => [message.slice(0, 62), lines])).toEqual([
    ['u_count may be empty: the value of the file is no whole number', [5]],
  ]);
});

it('a value that the instance made another one is named as such', async () => {
  const world = await worldOfTypes();
  const summary = await world.run(
    await world.drop('imports/imp_load/typed.csv', 'u_code,u_count\na,12.7\nb,99'),
  );
  expect(world.rows('imp_load').map((row) => row['u_count'])).toEqual(['12', '99']);
  expect(summary.messages).toEqual([
    { outcome: 'inserted', message: 'u_count has another value than the file', count: 1, lines: [2] },
  ]);
});
