import { describe, expect, it, onTestFinished } from 'vitest';
import { startWorld, type World } from './world.ts';

async function startOwnWorld(): Promise<World> {
  const world = await startWorld({ demoData: false });
  onTestFinished(() => world.close());
  return world;
}

const load = (count: number) =>
  ['u_code,u_text', ...Array.from({ length: count }, (_, i) => `code-${i},text-${i}`)].join('\n');

const refusal = (detail: string, message = 'Operation Failed') => ({
  error: { message, detail },
  status: 'failure',
});
const dataPolicy = refusal('Data Policy Exception: The following fields are mandatory: Text');
const single = { method: 'POST', path: '/api/now/import/imp_load', batchItem: true };

it.each([
  ['one of many', dataPolicy, {}, { skip: 2, count: 1 }],
  ['one in the order of the file', dataPolicy, { ordered: true }, { skip: 2, count: 1 }],
  ['a whole batch', dataPolicy, {}, { skip: 0, count: 50 }],
  ['the only one of its batch', dataPolicy, { rowsPerRequest: 51, concurrency: 1 }, { skip: 50, count: 1 }],
  ['a whole batch, by a business rule', refusal("aborted by Business Rule 'x'"), {}, { skip: 0, count: 50 }],
  ['a whole batch, by the database', refusal('Error during insert of imp_load'), {}, { skip: 0, count: 50 }],
])('what the instance refuses of a row stays with the row: %s', async (_, json, more, { skip, count }) => {
  const world = await startOwnWorld();
  world.instance.control.faults.add({ match: single, action: 'answer', status: 403, json, skip, count });
  await world.settings('imp_load', { mode: 'rows', ...more });
  const summary = await world.run(await world.drop('imports/imp_load/x.csv', load(120)));
  expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 120 - count, error: count } });
  expect(world.rows('u_item')).toHaveLength(120 - count);
});

it.each([
  ['right to the table', 403, refusal('ACL Exception Insert Failed due to security constraints'), 50],
  ['table', 400, refusal('', 'Invalid table imp_load'), 50],
  ['credentials', 401, refusal('Required to provide Auth information', 'User Not Authenticated'), 0],
])(
  'a refusal of the %s ends the import, and its unsent rows are not sent',
  async (_, status, json, error) => {
    const world = await startOwnWorld();
    world.instance.control.faults.add({
      match: single,
      action: 'answer',
      status,
      json,
      skip: 50,
      count: 900,
    });
    await world.settings('imp_load', { mode: 'rows', concurrency: 1 });
    const summary = await world.run(await world.drop('imports/imp_load/x.csv', load(300)));
    expect(summary).toMatchObject({
      status: 'stopped',
      counts: { inserted: 50, error, notSent: 250 - error },
    });
    expect(summary.reason).toContain(json.error.message);
    const unsent = await world.read(summary.results['unsent'] ?? '');
    expect(unsent.trimEnd().split('\r\n')).toHaveLength(1 + 250 - error);
  },
);

it('a request of many rows that is refused for one of them does not end the import', async () => {
  const world = await startOwnWorld();
  const match = { method: 'POST', path: '/api/now/import/imp_load/insertMultiple' };
  world.instance.control.faults.add({
    match,
    action: 'answer',
    status: 403,
    json: dataPolicy,
    skip: 1,
    count: 1,
  });
  await world.settings('imp_load', { rowsPerRequest: 20, concurrency: 1 });
  const summary = await world.run(await world.drop('imports/imp_load/x.csv', load(100)));
  expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 80, error: 20 } });
  expect(summary.messages[0]?.message).toContain('Data Policy Exception');
});

describe.each([
  ['insertMultiple', 300, {}],
  ['insertMultiple', 300, { ordered: true }],
  ['insertMultiple', 300, { keyColumn: 'u_key' }],
  ['rows', 600, {}],
])(
  'in %s mode, where the instance takes requests of %i bytes, with %j',
  (mode, maxContentLengthBytes, more) => {
    const long = (count: number) => [
      'u_code,u_text',
      ...Array.from(
        { length: count },
        (_, i) => `code-${i},${(i === 7 ? '€' : 'x').repeat(i === 7 ? 100 : 10)}`,
      ),
    ];

    it('a chunk goes in as many parts as it needs, and only a row that is too long by itself fails', async () => {
      const world = await startOwnWorld();
      world.instance.control.change({ maxContentLengthBytes });
      await world.settings('imp_load', { mode, ...more });
      const summary = await world.run(await world.drop('imports/imp_load/x.csv', long(150).join('\n')));
      expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 149, error: 1 } });
      const rows = world.rows('u_item').map((row) => row['u_code']);
      expect(new Set(rows).size).toBe(149);
      expect(rows).toHaveLength(149);
      const results = await world.read(summary.results['results'] ?? '');
      expect(results.split('\r\n').find((line) => line.startsWith('9,'))).toContain('Rejected large');
    });
  },
);

const insertMultiple = { method: 'POST', path: '/api/now/import/imp_load/insertMultiple' };

/** What may happen to one request of many. */
const mishaps = {
  'the answer is lost': { action: 'reset-after-commit', count: 1, seed: 1 },
  'the request is lost': { action: 'reset-before-commit', count: 1, seed: 1 },
  'the instance is away for a while': { action: 'answer', status: 503, count: 9 },
} as const;

describe.each([{}, { keyColumn: 'u_key' }])('a chunk that goes in parts, with %j', (more) => {
  it.each(Object.entries(mishaps))('arrives once where, at any of its requests, %s', async (_, mishap) => {
    for (let skip = 0; skip < 12; skip++) {
      const world = await startOwnWorld();
      world.instance.control.change({ maxContentLengthBytes: 300 });
      world.instance.control.faults.add({ match: insertMultiple, ...mishap, skip });
      await world.settings('imp_load', { concurrency: 1, inDoubtSeconds: 1, ...more });
      const summary = await world.run(await world.drop('imports/imp_load/x.csv', load(12)));
      const codes = world.rows('imp_load').map((row) => row['u_code']);
      expect([skip, summary.status, summary.counts.inserted]).toEqual([skip, 'completed', 12]);
      expect(codes.toSorted()).toEqual(Array.from({ length: 12 }, (_, i) => `code-${i}`).toSorted());
    }
  });
});
