import { expect, it, onTestFinished } from 'vitest';
import { startWorld } from './world.ts';

const ada = 'AWS:AROAADA00000:session-1';

async function worldWith(column?: string) {
  const world = await startWorld({ demoData: false }, false, column);
  onTestFinished(() => world.close());
  return world;
}

it.each([
  ['a CSV file', 'people.csv', 'u_code,u_when\na,another role\nb,'],
  ['JSON Lines', 'people.jsonl', '{"u_code":"a","u_when":"another role"}\n{"u_code":"b"}'],
])('writes who dropped %s into the column, whatever the file says', async (_kind, name, body) => {
  const world = await worldWith('u_when');
  const summary = await world.run(await world.drop(`imports/imp_load/${name}`, body, ada));
  expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 2 } });
  expect(world.rows('imp_load')).toMatchObject([
    { u_code: 'a', u_when: 'AROAADA00000' },
    { u_code: 'b', u_when: 'AROAADA00000' },
  ]);
});

it('writes it over a constant of the settings', async () => {
  const world = await worldWith('u_when');
  await world.settings('imp_load', { constants: { u_when: 'another role', u_text: 'x' } });
  await world.run(await world.drop('imports/imp_load/a.csv', 'u_code\na', ada));
  expect(world.rows('imp_load')).toMatchObject([{ u_when: 'AROAADA00000', u_text: 'x' }]);
});

it.each([
  ['a staging table that lacks the column', 'u_caller', ada],
  ['a drop of which S3 does not say who made it', 'u_when', undefined],
  ['a deployment that names no column', undefined, ada],
])('leaves the rows as they are for %s', async (_what, column, droppedBy) => {
  const world = await worldWith(column);
  await world.run(await world.drop('imports/imp_load/a.csv', 'u_code,u_when\na,given', droppedBy));
  expect(world.rows('imp_load')).toMatchObject([{ u_code: 'a', u_when: 'given' }]);
});

it.each([
  ['is too short', 'u_text', {}, `AWS:${'A'.repeat(101)}`, 'u_text takes 100 characters'],
  ['carries the row key', 'u_key', { keyColumn: 'u_key' }, ada, 'u_key is the keyColumn'],
])(
  'refuses the file before the first row where the column %s',
  async (_why, column, settings, by, reason) => {
    const world = await worldWith(column);
    await world.settings('imp_load', settings);
    const summary = await world.run(await world.drop('imports/imp_load/a.csv', 'u_code\na', by));
    expect(summary.status).toBe('refused');
    expect(summary.reason).toContain(reason);
    expect(world.rows('imp_load')).toEqual([]);
  },
);

it('finds the rows again after a lost answer, as their column is part of what is compared', async () => {
  const world = await worldWith('u_when');
  world.instance.control.faults.add({
    match: { method: 'POST', path: '/api/now/import/*' },
    action: 'reset-after-commit',
    count: 1,
  });
  const summary = await world.run(await world.drop('imports/imp_load/a.csv', 'u_code\na\nb', ada));
  expect(summary.counts).toMatchObject({ inserted: 2 });
  expect(world.rows('imp_load')).toHaveLength(2);
});

it('names the dropper in every line that an import logs', async () => {
  const world = await worldWith();
  await world.run(await world.drop('imports/imp_load/a.csv', 'u_code\na', ada));
  const lines = world.lines.filter(({ event }) => event !== 'import-started');
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line).toMatchObject({ caller: ada });
});
