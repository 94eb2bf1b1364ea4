import { describe, expect, it, onTestFinished } from 'vitest';
import { addAccount } from '../../../emulator/instance/auth/add-account.ts';
import { DeadlineExceededError } from '../../../lib/core/errors.ts';
import { chunkVerdicts } from '../../../lib/file-import/verdicts/collect-verdicts.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { createClient } from '../../../lib/servicenow/client.ts';
import { CredentialsRejectedError } from '../../../lib/servicenow/errors.ts';
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

describe('credentials that the instance refuses', () => {
  /** A user whose password changes when the staging table has so many rows, a while before the secret does. */
  async function rotating(rows: number, secretAfterMs: number) {
    const world = await startOwnWorld();
    const { auth } = world.instance.control;
    const account = (password: string) =>
      addAccount(auth, { userName: 'rotated', password, roles: ['admin'] });
    account('old');
    let changedAtMs: number | undefined;
    let refusedAtMs = Number.POSITIVE_INFINITY;
    let refused = 0;
    const isStored = () => changedAtMs !== undefined && world.clock.now() - changedAtMs >= secretAfterMs;
    const open = () => {
      const client = createClient({
        readSecret: async () => {
          const password = isStored() ? 'new' : 'old';
          const basic = { type: 'basic', username: 'rotated', password };
          return JSON.stringify({ instanceUrl: world.instance.url, auth: basic });
        },
        allowedHosts: ['127.0.0.1'],
      });
      onTestFinished(() => client.close());
      return client;
    };
    let client = open();
    const changing: ServiceNowClient = {
      async send(call, context) {
        if (changedAtMs === undefined && world.rows('imp_load').length >= rows) {
          changedAtMs = world.clock.now();
          account('new');
        }
        // After a wait the import goes on in another process.
        if (world.clock.now() - refusedAtMs >= 60_000) {
          client = open();
          refusedAtMs = Number.POSITIVE_INFINITY;
        }
        try {
          return await client.send(call, context);
        } catch (error) {
          if (error instanceof CredentialsRejectedError && refusedAtMs === Number.POSITIVE_INFINITY) {
            refused++;
            refusedAtMs = world.clock.now();
          }
          throw error;
        }
      },
      close: async () => undefined,
    };
    await world.settings('imp_load', { rowsPerRequest: 10, concurrency: 2, inDoubtSeconds: 1 });
    const request = await world.drop('imports/imp_load/x.csv', load(300));
    const summary = await world.run(request, new Map(), () => changing);
    return { world, summary, refused };
  }

  it.each([
    ['before the first row', 0],
    ['while rows are sent', 150],
    ['while verdicts are read', 300],
  ])('are waited for, since a secret may be changed after its password: %s', async (_, rows) => {
    const { world, summary } = await rotating(rows, 90_000);
    expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 300, unknown: 0 } });
    expect(world.rows('imp_load')).toHaveLength(300);
  });

  it.each([
    ['before the first row', 0, { status: 'refused' }],
    ['while rows are sent', 150, { status: 'stopped' }],
    ['while verdicts are read', 300, { status: 'stopped' }],
  ])('end the import after three times: %s', async (_, rows, wanted) => {
    const { world, summary, refused } = await rotating(rows, 1e9);
    expect(summary).toMatchObject(wanted);
    expect(summary.reason).toContain('the instance refuses these credentials');
    expect(refused).toBe(3);
    expect(world.clock.waitedMs()).toBeLessThan(1_800_000);
    expect(await world.waiting()).toEqual([]);
  });
});

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

/** How many requests the instance was sent. */
const requestsOf = ({ instance }: World) => instance.control.ledger.select(insertMultiple).length;

describe.each([
  [{}, 3],
  [{ keyColumn: 'u_key' }, 7],
])('a chunk that goes in parts, with %j', (more, requests) => {
  it.each(Object.entries(mishaps))('arrives once where, at any of its requests, %s', async (_, mishap) => {
    let skip = 0;
    for (let isMet = true; isMet; skip += Number(isMet)) {
      const world = await startOwnWorld();
      world.instance.control.change({ maxContentLengthBytes: 300 });
      world.instance.control.faults.add({ match: insertMultiple, ...mishap, skip });
      await world.settings('imp_load', { concurrency: 1, inDoubtSeconds: 1, ...more });
      const summary = await world.run(await world.drop('imports/imp_load/x.csv', load(12)));
      const codes = world.rows('imp_load').map((row) => row['u_code']);
      expect([skip, summary.status, summary.counts.inserted]).toEqual([skip, 'completed', 12]);
      expect(codes.toSorted()).toEqual(Array.from({ length: 12 }, (_, i) => `code-${i}`).toSorted());
      isMet = requestsOf(world) > skip;
    }
    expect(skip).toBe(requests);
  });

  it.each([
    ['the time of the call runs out', () => new DeadlineExceededError()],
    ['something breaks that no error names', () => new TypeError('x is undefined')],
  ])('arrives at most once where, at any of its requests, %s', async (_, failure) => {
    let skip = 0;
    for (let isMet = true; isMet; skip += Number(isMet)) {
      const world = await startOwnWorld();
      world.instance.control.change({ maxContentLengthBytes: 300 });
      await world.settings('imp_load', { concurrency: 1, inDoubtSeconds: 1, ...more });
      let left = skip;
      const through = world.client;
      const client: ServiceNowClient = {
        ...through,
        async send(request, context) {
          if (request.path.endsWith('/insertMultiple') && left-- === 0) throw failure();
          return through.send(request, context);
        },
      };
      const request = await world.drop('imports/imp_load/x.csv', load(12));
      const summary = await world.run(request, new Map(), () => client);
      const codes = world.rows('imp_load').map((row) => row['u_code']);
      expect([skip, new Set(codes).size]).toEqual([skip, codes.length]);
      if (summary.status === 'completed') expect([skip, codes.length]).toEqual([skip, 12]);
      // A defect ends the import: what it gives back has not arrived.
      const unsent = summary.results['unsent'] ? await world.read(summary.results['unsent']) : '';
      expect([skip, codes.filter((code) => unsent.includes(`${code},`))]).toEqual([skip, []]);
      isMet = left < 0;
    }
    expect(skip).toBe(requests);
  });
});

it('a line that is in an import set is never given back as not sent, however its chunk ended', () => {
  const chunk = { lines: [2, 4], rows: 4, sets: ['a'], setLines: { a: [2, 2] } };
  const stored = { outcome: 'inserted' } as const;
  for (const state of ['not-sent', 'interrupted', 'lost', 'unknown', 'refused'] as const) {
    const verdictOf = chunkVerdicts({ ...chunk, state }, new Map(), () => stored);
    expect([2, 3].map(verdictOf)).toEqual([stored, stored]);
    expect(verdictOf(4)).not.toEqual(stored);
  }
});

it('rows that cannot be seen are counted by the transform history, though others of their request were too large', async () => {
  const world = await startOwnWorld();
  const { auth, change } = { auth: world.instance.control.auth, change: { maxContentLengthBytes: 300 } };
  world.instance.control.change(change);
  auth.access.add({ table: 'imp_load', operation: 'read', roles: ['no_such_role'] });
  addAccount(auth, { userName: 'limited', password: 'p', roles: ['import_admin', 'itil'] });
  const client = createClient({
    readSecret: async () =>
      JSON.stringify({
        instanceUrl: world.instance.url,
        auth: { type: 'basic', username: 'limited', password: 'p' },
      }),
    allowedHosts: ['127.0.0.1'],
  });
  onTestFinished(() => client.close());
  await world.settings('imp_load', { concurrency: 1, verdictTimeoutSeconds: 60 });
  const lines = load(12).split('\n');
  lines[5] = `code-4,${'€'.repeat(100)}`;
  const request = await world.drop('imports/imp_load/x.csv', lines.join('\n'));
  const { counts } = await world.run(request, new Map(), () => client);
  expect(counts).toMatchObject({ inserted: 11, error: 1, unknown: 0 });
});
