import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { addAccount } from '../../../emulator/instance/auth/add-account.ts';
import { tallied } from '../../../lib/file-import/load/row-outcome.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { createClient } from '../../../lib/servicenow/client.ts';
import type { Memory } from './memory-durable.ts';
import { startWorld, type World } from './world.ts';

const insertMultiple = { method: 'POST', path: '/api/now/import/*' };

let world: World;

beforeEach(async () => {
  world = await startWorld({ demoData: false });
});
afterEach(() => world.close());

const load = (count: number, prefix: string) =>
  ['u_code,u_text', ...Array.from({ length: count }, (_, i) => `${prefix}${i},row ${i}`)].join('\n');

/** Codes in the staging table, each as often as it is there. */
const staged = () => world.rows('imp_load').map((row) => row['u_code']);

/** A user with these roles instead of the administrator. */
function clientWith(roles: readonly string[]) {
  addAccount(world.instance.control.auth, { userName: 'limited', password: 'p', roles: [...roles] });
  const auth = { type: 'basic', username: 'limited', password: 'p' };
  const client = createClient({
    readSecret: async () => JSON.stringify({ instanceUrl: world.instance.url, auth }),
    allowedHosts: ['127.0.0.1'],
    backOff: { baseMs: 1, capMs: 2 },
  });
  onTestFinished(() => client.close());
  return () => client;
}

const settings = { rowsPerRequest: 10, concurrency: 1, inDoubtSeconds: 1 };

describe('a request whose answer was lost', () => {
  it.each(['reset-after-commit', 'reset-before-commit'])(
    'is found by its import set, so that no row is there twice: %s',
    async (action) => {
      await world.settings('imp_load', settings);
      world.instance.control.faults.add({ match: insertMultiple, action, count: 2, skip: 1, seed: 1 });
      const summary = await world.run(await world.drop('imports/imp_load/lost.csv', load(50, 'lost-')));
      expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 50, unknown: 0 } });
      expect(new Set(staged()).size).toBe(50);
      expect(staged()).toHaveLength(50);
    },
  );

  it.each([
    ['the import sets', 'sys_import_set', {}, 'could not be determined'],
    ['the staging rows', 'imp_load', {}, 'could not be determined'],
    ['the staging rows with their keys', 'imp_load', { keyColumn: 'u_key' }, 'row cannot be read'],
  ])('is marked unknown, not sent twice, where the user may not see %s', async (_, table, more, message) => {
    await world.settings('imp_load', { ...settings, ...more });
    world.instance.control.auth.access.add({ table, operation: 'read', roles: ['no_such_role'] });
    world.instance.control.faults.add({
      match: insertMultiple,
      action: 'reset-after-commit',
      count: 1,
      skip: 1,
      seed: 1,
    });
    const request = await world.drop('imports/imp_load/hidden.csv', load(50, 'hidden-'));
    const summary = await world.run(request, new Map(), clientWith(['import_admin', 'itil']));
    expect(summary.status).toBe('completed');
    expect(summary.counts.unknown).toBe(10);
    expect(tallied(summary.counts)).toBe(50);
    expect(staged()).toHaveLength(50);
    expect(summary.messages[0]?.message).toContain(message);
  });

  it('is found also where another one, with the very same rows, is looked for at the same time', async () => {
    await world.settings('imp_load', { ...settings, concurrency: 2 });
    world.instance.control.faults.add({
      match: insertMultiple,
      action: 'reset-after-commit',
      count: 2,
      seed: 1,
    });
    const rows = Array.from({ length: 10 }, (_, i) => `twin-${i},same`);
    const body = ['u_code,u_text', ...rows, ...rows].join('\n');
    const summary = await world.run(await world.drop('imports/imp_load/twins.csv', body));
    expect(summary).toMatchObject({ status: 'completed', counts: { unknown: 0 } });
    expect(summary.importSets.count).toBe(2);
    expect(new Set(summary.importSets.first).size).toBe(2);
    expect(staged()).toHaveLength(20);
  });

  it('is not taken for stored because an earlier file of the table had the same rows', async () => {
    await world.settings('imp_load', settings);
    await world.run(await world.drop('imports/imp_load/today.csv', load(30, 'same-')));
    const changed = load(30, 'same-').replaceAll(/(,row [1-9])/g, '$1 changed');
    world.instance.control.faults.add({ match: insertMultiple, action: 'reset-before-commit', seed: 1 });
    const summary = await world.run(await world.drop('imports/imp_load/tomorrow.csv', changed));
    expect(summary).toMatchObject({ status: 'completed', counts: { updated: 29, ignored: 1 } });
    expect(staged()).toHaveLength(60);
  });

  it('is found again where the instance keeps a value in its own form, as 007 becomes 7', async () => {
    await world.settings('imp_load', settings);
    const rows = Array.from({ length: 20 }, (_, i) => `typed-${i},00${i}`);
    world.instance.control.faults.add({ match: insertMultiple, action: 'reset-after-commit', seed: 1 });
    const body = ['u_code,u_count', ...rows].join('\n');
    const summary = await world.run(await world.drop('imports/imp_load/typed.csv', body));
    const counted = world.rows('imp_load').filter((row) => row['u_code'] === 'typed-7');
    expect(counted.map((row) => row['u_count'])).toEqual(['7']);
    expect(summary.counts).toMatchObject({ inserted: 20, unknown: 0 });
    expect(staged()).toHaveLength(20);
  });

  it.each(['reset-after-commit', 'reset-before-commit'])(
    'is not sent again while an import set has rows that may be its own, changed by the instance: %s',
    async (action) => {
      await world.close();
      world = await startWorld({ demoData: false, switches: { supplementaryCharactersKept: false } });
      await world.settings('imp_load', settings);
      const rows = Array.from({ length: 30 }, (_, i) => `emoji-${i},hot ${i < 10 ? '\u{1F525}' : ''}`);
      const { faults } = world.instance.control;
      faults.add({ match: insertMultiple, action: 'reset-after-commit', count: 1, seed: 1 });
      faults.add({ match: insertMultiple, action, count: 1, skip: 1, seed: 1 });
      const body = ['u_code,u_text', ...rows].join('\n');
      const summary = await world.run(await world.drop('imports/imp_load/emoji.csv', body));
      const stored = world.rows('imp_load').find((row) => row['u_code'] === 'emoji-7');
      expect(stored).toMatchObject({ u_text: 'hot ????' });
      const isSecondThere = action === 'reset-after-commit';
      expect(new Set(staged()).size).toBe(staged().length);
      expect(summary.counts).toMatchObject(
        isSecondThere ? { inserted: 20, unknown: 10 } : { inserted: 10, unknown: 20 },
      );
      expect(summary.messages[0]?.message).toContain('with a keyColumn in _import.json it could be');
    },
  );

  it('is sent again where all that the import sets hold are rows of the other lost ones', async () => {
    await world.settings('imp_load', { ...settings, concurrency: 2 });
    const { faults } = world.instance.control;
    faults.add({ match: insertMultiple, action: 'reset-before-commit', count: 1, seed: 1 });
    faults.add({ match: insertMultiple, action: 'reset-after-commit', count: 1, skip: 1, seed: 1 });
    const summary = await world.run(await world.drop('imports/imp_load/two.csv', load(20, 'two-')));
    expect(summary.counts).toMatchObject({ inserted: 20, unknown: 0 });
    expect(staged()).toHaveLength(20);
  });

  it('is unknown where no column of its rows can be compared', async () => {
    await world.settings('imp_load', { ...settings, ignoredColumns: ['u_code'] });
    world.instance.control.faults.add({ match: insertMultiple, action: 'reset-after-commit', seed: 1 });
    const request = await world.drop('imports/imp_load/bare.csv', 'u_code,u_count\na,1e3\nb,2e3');
    const summary = await world.run(request);
    expect(summary.counts).toMatchObject({ unknown: 2 });
    expect(staged()).toHaveLength(2);
  });

  it.each([
    ['at all', undefined],
    ['in part', { u_code: 'first-0' }],
  ])('is found by its keys though the user may not see the very first rows %s', async (_, where) => {
    await world.settings('imp_load', { ...settings, keyColumn: 'u_key' });
    const rule = where ? { where } : { roles: ['no_such_role'] };
    world.instance.control.auth.access.add({ table: 'imp_load', operation: 'read', ...rule });
    world.instance.control.faults.add({ match: insertMultiple, action: 'reset-after-commit' });
    const request = await world.drop('imports/imp_load/first.csv', load(20, 'first-'));
    const summary = await world.run(request, new Map(), clientWith(['import_admin', 'itil']));
    expect(summary.status).toBe('completed');
    expect(staged()).toHaveLength(20);
  });

  it('is not sent again where an import set of its user is hidden, which may hold it', async () => {
    const { auth, faults } = world.instance.control;
    // All but the first one.
    auth.access.add({ table: 'sys_import_set', operation: 'read', where: { number: 'ISET0010001' } });
    faults.add({ match: insertMultiple, action: 'reset-after-commit', skip: 2, seed: 1 });
    await world.settings('imp_load', settings);
    const request = await world.drop('imports/imp_load/hidden.csv', load(50, 'hidden-'));
    const summary = await world.run(request, new Map(), clientWith(['import_admin', 'itil']));
    expect(world.rows('sys_import_set').map((set) => set['number'])).toContain('ISET0010001');
    expect(staged()).toHaveLength(50);
    expect(summary.counts).toMatchObject({ inserted: 40, unknown: 10 });
  });

  it('is sent again when resendUnknown says so', async () => {
    await world.settings('imp_load', { ...settings, resendUnknown: true });
    world.instance.control.auth.access.add({
      table: 'sys_import_set',
      operation: 'read',
      roles: ['no_such_role'],
    });
    world.instance.control.faults.add({
      match: insertMultiple,
      action: 'reset-after-commit',
      count: 1,
      skip: 1,
      seed: 1,
    });
    const request = await world.drop('imports/imp_load/resend.csv', load(50, 'resend-'));
    const summary = await world.run(request, new Map(), clientWith(['import_admin', 'itil']));
    expect(summary.counts).toMatchObject({ unknown: 0 });
    expect(new Set(staged()).size).toBe(50);
    expect(staged()).toHaveLength(60);
  });
});

describe('an instance whose look-ups lag behind what it stored', () => {
  it.each([{}, { keyColumn: 'u_key' }])(
    'has the verdict of every row, also after lost answers: %j',
    async (more) => {
      await world.close();
      world = await startWorld({ demoData: false, switches: { lookupLagMs: 5_000 } }, true);
      await world.settings('imp_load', { ...settings, ...more, inDoubtSeconds: 60 });
      const { faults } = world.instance.control;
      const lost = { match: insertMultiple, count: 1, seed: 1 };
      faults.add({ ...lost, action: 'reset-after-commit', skip: 1 });
      faults.add({ ...lost, action: 'reset-before-commit', skip: 3 });
      const summary = await world.run(await world.drop('imports/imp_load/lag.csv', load(50, 'lag-')));
      expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 50, unknown: 0 } });
      expect(new Set(staged()).size).toBe(50);
      expect(staged()).toHaveLength(50);
    },
  );
});

describe('import sets that look alike', () => {
  const lose = (action: string, more: object = {}) =>
    world.instance.control.faults.add({ match: insertMultiple, action, seed: 1, ...more });
  /** Codes and counts in the staging table, each as often as it is there. */
  const counted = () =>
    world
      .rows('imp_load')
      .map((row) => `${row['u_code']} ${row['u_text']} ${row['u_count']}`)
      .sort();

  it.each([
    ['the last row', (n: number, i: number) => (i === 9 ? `last-${n}` : 'same'), 'u_text'],
    ['a middle row', (n: number, i: number) => (i === 5 ? `mid-${n}` : 'same'), 'u_text'],
    ['a typed column', (n: number) => `00${n}`, 'u_count'],
  ])('are distinguished by %s, whichever of them is there', async (_, value, column) => {
    await world.settings('imp_load', settings);
    const rows = [0, 1, 2].flatMap((n) => Array.from({ length: 10 }, (__, i) => `c-${i},${value(n, i)}`));
    // The first request is not carried out, the second is; both look alike by their first row and their count.
    lose('reset-before-commit', { count: 1 });
    lose('reset-after-commit', { count: 1, skip: 1 });
    const body = [`u_code,${column}`, ...rows].join('\n');
    const summary = await world.run(await world.drop('imports/imp_load/alike.csv', body));
    expect(summary.counts).toMatchObject({ unknown: 0 });
    const expected = rows.map((row) => {
      const [code = '', text = ''] = row.split(',');
      return column === 'u_count' ? `${code}  ${Number(text)}` : `${code} ${text} `;
    });
    expect(counted()).toEqual(expected.sort());
  });

  it.each([
    ['reset-after-commit', 'reset-after-commit'],
    ['reset-after-commit', 'reset-before-commit'],
    ['reset-before-commit', 'reset-after-commit'],
  ])('are each taken once where requests are equal: %s, %s', async (first, second) => {
    await world.settings('imp_load', { ...settings, concurrency: 2 });
    lose(first, { count: 1 });
    lose(second, { count: 1, skip: 1 });
    const rows = Array.from({ length: 40 }, (_, i) => `c-${i % 10},same`);
    const summary = await world.run(
      await world.drop('imports/imp_load/equal.csv', ['u_code,u_text', ...rows].join('\n')),
    );
    expect(summary.counts).toMatchObject({ unknown: 0 });
    expect(counted()).toEqual(rows.map((row) => `${row.replace(',', ' ')} `).sort());
  });

  it.each(['same', 'alike', 'fewer'])('are not taken from another client: %s rows', async (rows) => {
    await world.settings('imp_load', settings);
    lose('other-client', { rows, count: 1 });
    lose('server-error', { count: 1 });
    const summary = await world.run(await world.drop('imports/imp_load/other.csv', load(10, 'other-')));
    expect(summary.counts).toMatchObject({ unknown: 0 });
    const isOthers = (row: Readonly<Record<string, string>>) => row['sys_created_by'] === 'other.client';
    expect(world.rows('imp_load').filter((row) => !isOthers(row))).toHaveLength(10);
    expect(world.rows('imp_load').filter(isOthers)).toHaveLength(rows === 'fewer' ? 9 : 10);
  });

  it('leave rows unknown where one too many is equal, and the report says what would have shown it', async () => {
    await world.settings('imp_load', settings);
    lose('other-client', { rows: 'same', userName: 'watched.user', count: 1 });
    lose('reset-after-commit', { count: 1 });
    const summary = await world.run(await world.drop('imports/imp_load/own.csv', load(20, 'own-')));
    expect(summary.counts).toMatchObject({ inserted: 10, unknown: 10 });
    expect(summary.messages[0]?.message).toContain('with a keyColumn in _import.json it could be');
    expect(staged()).toHaveLength(30);
  });

  it.each([{}, { keyColumn: 'u_key' }])(
    'are completed where the instance interrupted one: %j',
    async (more) => {
      await world.settings('imp_load', { ...settings, ...more });
      lose('half-stored', { rows: 4, count: 1 });
      const before = world.clock.waitedMs();
      const summary = await world.run(await world.drop('imports/imp_load/half.csv', load(20, 'half-')));
      expect(new Set(staged()).size).toBe(20);
      expect(staged()).toHaveLength(20);
      // The instance never transforms the rows of the set that it left open.
      expect(summary.counts).toMatchObject({ inserted: 16, unknown: 4 });
      const listed = (await world.read(summary.results['results'] ?? '')).trimEnd().split('\r\n').slice(1);
      expect(
        listed.filter((row) => row.includes(',unknown,')).map((row) => Number.parseInt(row, 10)),
      ).toEqual([2, 3, 4, 5]);
      expect(summary.messages[0]?.message).toMatch(/still pending; run the transform of import set ISET\d+/);
      // The other drops of the table do not wait for it until verdictTimeoutSeconds have passed.
      expect(world.clock.waitedMs() - before).toBeLessThan(300_000);
    },
  );

  it.each([{}, { keyColumn: 'u_key' }])(
    'are not followed, in an ordered load, by sets that would wait for them for ever: %j',
    async (more) => {
      await world.settings('imp_load', { ...settings, ...more, ordered: true });
      lose('half-stored', { rows: 4, count: 1 });
      lose('reset-before-commit', { count: 1, skip: 1 });
      const before = world.clock.waitedMs();
      const summary = await world.run(await world.drop('imports/imp_load/half.csv', load(30, 'half-')));
      expect(staged()).toHaveLength(30);
      expect(summary.counts).toMatchObject({ inserted: 26, unknown: 4 });
      expect(world.clock.waitedMs() - before).toBeLessThan(300_000);
    },
  );
});

describe('an outage in the middle of a load', () => {
  const batch = { method: 'POST', path: '/api/now/v1/batch' };

  it('leaves nothing unknown when nothing was sent, where lost answers could not be determined', async () => {
    await world.settings('imp_load', settings);
    world.instance.control.auth.access.add({
      table: 'sys_import_set',
      operation: 'read',
      roles: ['no_such_role'],
    });
    world.instance.control.faults.add({ match: insertMultiple, action: 'hibernate', count: 8, skip: 3 });
    const request = await world.drop('imports/imp_load/asleep.csv', load(80, 'asleep-'));
    const summary = await world.run(request, new Map(), clientWith(['import_admin', 'itil']));
    expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 80 } });
    expect(staged()).toHaveLength(80);
  });

  it('goes on in rows mode with the very rows that were not sent', async () => {
    await world.settings('imp_load', { ...settings, mode: 'rows', rowsPerRequest: 100 });
    world.instance.control.faults.add({ match: batch, action: 'hibernate', count: 8, skip: 3 });
    const summary = await world.run(await world.drop('imports/imp_load/rows.csv', load(300, 'rows-')));
    expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 300 } });
    expect(staged()).toHaveLength(300);
  });

  it('loses no more in rows mode than the answer that was lost, and sends the rest of its rows', async () => {
    await world.settings('imp_load', { ...settings, mode: 'rows', rowsPerRequest: 100 });
    world.instance.control.faults.add({ match: batch, action: 'reset-after-commit', skip: 2 });
    const summary = await world.run(await world.drop('imports/imp_load/rows.csv', load(300, 'rows-')));
    expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 250, unknown: 50 } });
    expect(staged()).toHaveLength(300);
  });

  it('sends rows again that were turned away one by one for now', async () => {
    await world.settings('imp_load', { ...settings, mode: 'rows', rowsPerRequest: 100 });
    const match = { method: 'POST', path: '/api/now/import/*', batchItem: true };
    world.instance.control.faults.add({ match, action: 'throttled', count: 30, skip: 3, seed: 1 });
    const summary = await world.run(await world.drop('imports/imp_load/rows.csv', load(120, 'rows-')));
    expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 120, error: 0 } });
    expect(staged()).toHaveLength(120);
  });

  it('waits as long as a rate limit asks before it sends a row of a batch again', async () => {
    await world.settings('imp_load', { ...settings, mode: 'rows', rowsPerRequest: 100 });
    const match = { method: 'POST', path: '/api/now/import/*', batchItem: true };
    const { faults } = world.instance.control;
    faults.add({ match, action: 'throttled', retryAfterS: 5, count: 1, skip: 2, seed: 1 });
    faults.add({ match, action: 'throttled', retryAfterS: 900, count: 1, skip: 4, seed: 1 });
    const before = world.clock.waitedMs();
    const summary = await world.run(await world.drop('imports/imp_load/rows.csv', load(20, 'rows-')));
    expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 20, error: 0 } });
    expect(staged()).toHaveLength(20);
    expect(world.clock.waitedMs() - before).toBeGreaterThanOrEqual(900_000);
  });

  it.each(['server-error', 'error-after-commit'])(
    'sends rows with keys again whose part of a batch failed, where the instance does not have them: %s',
    async (action) => {
      const keyed = { ...settings, mode: 'rows', rowsPerRequest: 100, keyColumn: 'u_key' };
      await world.settings('imp_load', keyed);
      const match = { method: 'POST', path: '/api/now/import/*', batchItem: true };
      world.instance.control.faults.add({ match, action, count: 7, skip: 3, seed: 1 });
      const summary = await world.run(await world.drop('imports/imp_load/rows.csv', load(60, 'rows-')));
      expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 60, unknown: 0 } });
      expect(staged()).toHaveLength(60);
    },
  );

  it('loses no more answers than are under way while that is noticed, and sends on when the instance is back', async () => {
    await world.settings('imp_load', { ...settings, concurrency: 2 });
    const { faults, auth } = world.instance.control;
    auth.access.add({ table: 'sys_import_set', operation: 'read', roles: ['no_such_role'] });
    faults.add({ match: insertMultiple, action: 'unavailable', count: 1_000, skip: 2 });
    const limited = clientWith(['import_admin', 'itil'])();
    let posts = 0;
    const client: ServiceNowClient = {
      send(call, context) {
        if (call.method === 'POST') posts++;
        else if (posts > 2 && call.path.includes('sys_import_set')) faults.clear();
        return limited.send(call, context);
      },
      close: () => limited.close(),
    };
    const request = await world.drop('imports/imp_load/down.csv', load(100, 'down-'));
    const summary = await world.run(request, new Map(), () => client);
    // Two are lost in a row; a third may have begun in between.
    expect([20, 30]).toContain(summary.counts.unknown);
    expect(summary.counts.inserted).toBe(100 - summary.counts.unknown);
    expect(staged()).toHaveLength(100 - summary.counts.unknown);
  });
});

describe('a process that dies in the middle of a load', () => {
  /** Runs an import whose process dies at a request of this kind, before or after the instance has carried it out, and again. */
  async function dieAt(path: RegExp, nth: number, isDone: boolean, body: string, roles?: readonly string[]) {
    const memory: Memory = new Map();
    const real = roles ? clientWith(roles)() : world.client;
    const death = Promise.withResolvers<void>();
    let seen = 0;
    let isDead = false;
    // Nothing comes back to a process that died: whatever it had under way is never heard of.
    const dying: ServiceNowClient = {
      async send(call, context) {
        if (isDead) return new Promise(() => undefined);
        isDead = call.method === 'POST' && path.test(call.path) && ++seen === nth;
        if (!isDead) return real.send(call, context);
        if (isDone) await real.send(call, context);
        death.resolve();
        return new Promise(() => undefined);
      },
      close: () => real.close(),
    };
    const request = await world.drop('imports/imp_load/dies.csv', body);
    const dead = world.run(request, memory, () => dying);
    await Promise.race([dead, death.promise]);
    return world.run(request, memory, () => real);
  }

  it.each([true, false])(
    'leaves only rows unknown that may have been sent, in rows mode without keys; carried out: %s',
    async (isDone) => {
      await world.settings('imp_load', { ...settings, mode: 'rows', rowsPerRequest: 100 });
      const summary = await dieAt(/batch$/, 4, isDone, load(300, 'dies-'));
      expect(summary.counts).toMatchObject({ inserted: 250, unknown: 50 });
      expect(staged()).toHaveLength(isDone ? 300 : 250);
      expect(summary.messages[0]?.message).toContain('with a keyColumn');
    },
  );

  it.each([true, false])(
    'leaves no more requests unknown than were about to be sent, where import sets cannot be seen; carried out: %s',
    async (isDone) => {
      await world.settings('imp_load', { ...settings, rowsPerRequest: 2 });
      world.instance.control.auth.access.add({
        table: 'sys_import_set',
        operation: 'read',
        roles: ['no_such_role'],
      });
      const body = load(400, 'dies-');
      const summary = await dieAt(/insertMultiple$/, 60, isDone, body, ['import_admin', 'itil']);
      expect(summary.counts.unknown).toBeLessThanOrEqual(90);
      expect(tallied(summary.counts)).toBe(400);
      expect(new Set(staged()).size).toBeGreaterThan(300);
      expect(new Set(staged()).size).toBe(staged().length);
    },
  );

  it.each([true, false])('loses and doubles nothing where they can; carried out: %s', async (isDone) => {
    await world.settings('imp_load', { ...settings, rowsPerRequest: 2, concurrency: 3 });
    const summary = await dieAt(/insertMultiple$/, 25, isDone, load(200, 'dies-'));
    expect(summary.counts).toMatchObject({ inserted: 200, unknown: 0 });
    expect(new Set(staged()).size).toBe(200);
    expect(staged()).toHaveLength(200);
  });
});

describe('an ordered load', () => {
  it('keeps the order of the file when an answer is lost', async () => {
    await world.settings('imp_load', { ...settings, ordered: true, rowsPerRequest: 1 });
    world.instance.control.faults.add({ match: insertMultiple, action: 'reset-before-commit', skip: 1 });
    const rows = [1, 2, 3, 4, 5].map((n) => `same,${n}`);
    const body = ['u_code,u_text', ...rows].join('\n');
    const summary = await world.run(await world.drop('imports/imp_load/order.csv', body));
    expect(summary.counts).toMatchObject({ inserted: 1, updated: 4 });
    expect(world.rows('u_item').map((row) => row['u_text'])).toEqual(['5']);
  });

  it.each([{}, { mode: 'rows', keyColumn: 'u_key' }])(
    'waits no longer each time where each attempt comes further: %j',
    async (more) => {
      await world.settings('imp_load', { ...settings, ...more, ordered: true, rowsPerRequest: 1 });
      const match = { method: 'POST', path: '/api/now/*' };
      const lost = { match, action: 'reset-after-commit', count: 20, probability: 0.5, seed: 1 };
      world.instance.control.faults.add(lost);
      const before = world.clock.waitedMs();
      const summary = await world.run(await world.drop('imports/imp_load/often.csv', load(60, 'often-')));
      expect(summary.counts).toMatchObject({ inserted: 60 });
      expect(staged()).toHaveLength(60);
      // inDoubtSeconds for each answer that was lost.
      expect(world.clock.waitedMs() - before).toBeLessThan(60_000);
    },
  );

  it.each([
    ['throttled', {}],
    ['server-error', { keyColumn: 'u_key' }],
    ['error-after-commit', { keyColumn: 'u_key' }],
    ['reset-after-commit', { keyColumn: 'u_key' }],
  ])('row by row keeps the order of the file behind a row that is turned away: %s', async (action, more) => {
    await world.settings('imp_load', { ...settings, ...more, ordered: true, mode: 'rows' });
    const isItem = action !== 'reset-after-commit';
    const match = { method: 'POST', path: isItem ? '/api/now/*import/*' : '/api/now/*batch' };
    world.instance.control.faults.add({ match: { ...match, batchItem: isItem }, action, skip: 1, count: 2 });
    const rows = [1, 2, 3, 4, 5].map((n) => `same,${n}`);
    const body = ['u_code,u_text', ...rows].join('\n');
    const summary = await world.run(await world.drop('imports/imp_load/order.csv', body));
    expect(summary.counts).toMatchObject({ inserted: 1, updated: 4 });
    const stored = world.instance.state.store.select('imp_load', { orderBy: 't0.rowid' });
    expect(stored.map((row) => row['u_text'])).toEqual(['1', '2', '3', '4', '5']);
    expect(world.rows('u_item').map((row) => row['u_text'])).toEqual(['5']);
  });

  it('has each import set transformed after the one before, over groups', async () => {
    await world.settings('imp_load', { ...settings, ordered: true, rowsPerRequest: 1 });
    const rows = Array.from({ length: 14 }, (_, n) => `same,${n}`);
    await world.run(await world.drop('imports/imp_load/order.csv', ['u_code,u_text', ...rows].join('\n')));
    const sets = world
      .rows('sys_import_set')
      .sort((a, b) => (a['number'] ?? '').localeCompare(b['number'] ?? ''));
    expect(sets).toHaveLength(14);
    expect(sets.map((set) => set['run_after'])).toEqual([
      '',
      ...sets.slice(0, -1).map((set) => set['sys_id']),
    ]);
  });

  it('has an import set transformed after the last one before it, over a group that has none', async () => {
    await world.settings('imp_load', { ...settings, ordered: true, rowsPerRequest: 1 });
    // Of rejected lines a group holds 8 MiB.
    const tooLong = Array.from({ length: 17 }, () => `long,${'x'.repeat(1 << 20)}`);
    const body = ['u_code,u_text', 'same,1', ...tooLong, 'same,2'].join('\n');
    const summary = await world.run(await world.drop('imports/imp_load/gap.csv', body));
    expect(summary.counts).toMatchObject({ inserted: 1, updated: 1, rejected: 17 });
    const [first, second, ...more] = world
      .rows('sys_import_set')
      .sort((a, b) => (a['number'] ?? '').localeCompare(b['number'] ?? ''));
    expect(more).toEqual([]);
    expect([first?.['run_after'], second?.['run_after']]).toEqual(['', first?.['sys_id']]);
  });
});

describe('an import that does not get to its end', () => {
  it.each([
    ['', { mode: 'insertMultiple' }, insertMultiple, 'unavailable', 40],
    [', asleep', { mode: 'insertMultiple' }, insertMultiple, 'hibernate', 40],
    [', with keys', { keyColumn: 'u_key' }, insertMultiple, 'unavailable', 40],
    [' in rows mode', { mode: 'rows' }, { method: 'POST', path: '/api/now/v1/batch' }, 'hibernate', 40],
  ])(
    'gives up once the instance stays away, and accounts for every line%s',
    async (_, more, match, action, sent) => {
      await world.settings('imp_load', { ...settings, ...more });
      world.instance.control.faults.add({ match, action, count: 1_000_000, skip: 4 });
      const body = `${load(400, 'away-')}\nragged`;
      const summary = await world.run(await world.drop('imports/imp_load/away.csv', body));
      expect(summary.status).toBe('stopped');
      expect(summary.reason).toMatch(/^abandoned: /);
      expect(staged()).toHaveLength(sent);
      expect(summary.lines.rows).toBe(401);
      expect(tallied(summary.counts)).toBe(401);
      expect(summary.counts).toMatchObject({ rejected: 1 });
      // What was sent when the instance went away may be there, nothing else.
      expect(summary.counts.unknown).toBeLessThanOrEqual(sent + 10);
      const listed = (await world.read(summary.results['results'] ?? '')).trimEnd().split('\r\n').slice(1);
      expect(listed.map((row) => Number.parseInt(row, 10))).toEqual(
        Array.from({ length: 401 }, (__, i) => i + 2),
      );
      expect(listed.at(-2)).toMatch(/^401,notSent/);
      expect(await world.waiting()).toEqual([]);
    },
  );

  it('waits for verdicts as long as rows are transformed, and calls the rest unknown when nothing moves any more', async () => {
    const slow = await startWorld({ demoData: false, switches: { transformDelayMs: 600_000 } });
    onTestFinished(() => slow.close());
    await slow.settings('imp_load', { ...settings, verdictTimeoutSeconds: 120 });
    const [beforeMs, waitedBeforeMs] = [slow.clock.now(), slow.clock.waitedMs()];
    const summary = await slow.run(await slow.drop('imports/imp_load/slow.csv', load(30, 'slow-')));
    expect(summary.counts).toMatchObject({ unknown: 30 });
    expect(summary.messages[0]?.message).toMatch(/still pending; run the transform of import set ISET\d+/);
    // What the machine takes counts towards the time-out, too.
    expect(slow.clock.now() - beforeMs).toBeGreaterThan(120_000);
    expect(slow.clock.waitedMs() - waitedBeforeMs).toBeLessThan(600_000);
  });

  it('takes it for no progress that it stops waiting for the rows of a load that was interrupted', async () => {
    const slow = await startWorld({ demoData: false, switches: { transformDelayMs: 600_000 } });
    onTestFinished(() => slow.close());
    await slow.settings('imp_load', { ...settings, inDoubtSeconds: 5, verdictTimeoutSeconds: 120 });
    const fault = { match: insertMultiple, action: 'half-stored', rows: 4, count: 1 };
    slow.instance.control.faults.add(fault);
    const before = slow.clock.waitedMs();
    const summary = await slow.run(await slow.drop('imports/imp_load/slow.csv', load(30, 'slow-')));
    expect(summary.counts).toMatchObject({ unknown: 30 });
    expect(slow.clock.waitedMs() - before).toBeLessThan(600_000);
  });

  it('stops by maxErrorPercent once so much of the whole file has failed, and judges a short file in the end', async () => {
    await world.settings('imp_load', { ...settings, maxErrorPercent: 20 });
    const some = ['u_code,u_text', 'a,x,y', 'b,x', 'c,x'].join('\n');
    const few = await world.run(await world.drop('imports/imp_load/few.csv', some));
    expect(few).toMatchObject({ status: 'stopped', counts: { inserted: 2, rejected: 1, notSent: 0 } });
    expect(few.reason).toContain('33.3 % of the rows failed');
    const lines = Array.from({ length: 4_000 }, (_, i) => (i % 3 > 0 ? `p-${i},x,y` : `p-${i},x`));
    const request = await world.drop('imports/imp_load/many.csv', ['u_code,u_text', ...lines].join('\n'));
    const many = await world.run(request);
    expect(many).toMatchObject({ status: 'stopped' });
    expect(many.reason).toContain('maxErrorPercent is 20');
    expect(many.counts.notSent).toBeGreaterThan(500);
    expect(tallied(many.counts)).toBe(4_000);
  });

  it('stops a compressed file by maxErrorPercent too', async () => {
    await world.settings('imp_load', { ...settings, maxErrorPercent: 20 });
    const lines = Array.from({ length: 4_000 }, (_, i) => (i % 3 > 0 ? `z-${i},x,y` : `z-${i},x`));
    const body = gzipSync(['u_code,u_text', ...lines].join('\n'));
    const summary = await world.run(await world.drop('imports/imp_load/many.csv.gz', body));
    expect(summary).toMatchObject({ status: 'stopped' });
    expect(summary.counts.notSent).toBeGreaterThan(500);
    expect(tallied(summary.counts)).toBe(4_000);
  });

  it.each([
    ['rejected at the beginning', (i: number) => i < 50, true],
    ['rejected at the end', (i: number) => i >= 950, true],
    ['refused by the instance at the beginning', (i: number) => i < 50, false],
    ['rejected at the beginning, each as long as a hundred others', (i: number) => i < 50, true, 1_000],
  ])(
    'goes on where fewer lines than maxErrorPercent are bad: %s',
    async (_where, isBad, isRejected, length = 1) => {
      await world.settings('imp_load', { ...settings, maxErrorPercent: 6 });
      const text = (i: number) =>
        isBad(i) && isRejected ? `b-${i},${'x'.repeat(length)},y` : `${isBad(i) ? 'bad' : 'b'}-${i},x`;
      world.instance.state.imports.scripts.set('Load', ({ u_code: code = '' }) =>
        code.startsWith('bad-') ? { error: 'no' } : {},
      );
      onTestFinished(() => void world.instance.state.imports.scripts.clear());
      const lines = Array.from({ length: 1_000 }, (_, i) => text(i));
      const body = ['u_code,u_text', ...lines].join('\n');
      const summary = await world.run(await world.drop('imports/imp_load/front.csv', body));
      expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 950, notSent: 0 } });
    },
  );

  it('does not stop a healthy import whose first rows fail', async () => {
    await world.settings('imp_load', { ...settings, rowsPerRequest: 1, maxErrorPercent: 5 });
    world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
      Number(code?.split('-')[1]) < 4 ? { error: 'no' } : {},
    );
    onTestFinished(() => void world.instance.state.imports.scripts.clear());
    const summary = await world.run(await world.drop('imports/imp_load/first.csv', load(200, 'first-')));
    expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 196, error: 4 } });
  });

  it('compares rejected lines with all lines whose verdict is known, however fast they are found', async () => {
    const slow = await startWorld({ demoData: false, switches: { transformDelayMs: 300 } });
    onTestFinished(() => slow.close());
    await slow.settings('imp_load', { ...settings, rowsPerRequest: 20, maxErrorPercent: 60 });
    const lines = Array.from({ length: 2_000 }, (_, i) => (i % 20 === 0 ? `p-${i},x,y` : `p-${i},x`));
    const body = ['u_code,u_text', ...lines].join('\n');
    const summary = await slow.run(await slow.drop('imports/imp_load/healthy.csv', body));
    expect(summary).toMatchObject({ status: 'completed', counts: { rejected: 100, inserted: 1_900 } });
  });

  it('says that maxErrors was exceeded, also when that is known only after the last row was sent', async () => {
    await world.settings('imp_load', { ...settings, maxErrors: 3 });
    world.instance.state.imports.scripts.set('Load', () => ({ error: 'no' }));
    onTestFinished(() => void world.instance.state.imports.scripts.clear());
    const summary = await world.run(await world.drop('imports/imp_load/late.csv', load(10, 'late-')));
    expect(summary).toMatchObject({ status: 'stopped', counts: { error: 10, notSent: 0 } });
    expect(summary.reason).toBe('10 rows failed, maxErrors is 3');
  });

  it('stops soon after the first failure in rows mode, where the answers are the verdicts', async () => {
    await world.settings('imp_load', { ...settings, mode: 'rows', concurrency: 1, maxErrors: 0 });
    world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
      code === 'rows-25' ? { error: 'no' } : {},
    );
    onTestFinished(() => void world.instance.state.imports.scripts.clear());
    const summary = await world.run(await world.drop('imports/imp_load/rows.csv', load(400, 'rows-')));
    expect(summary).toMatchObject({ status: 'stopped', reason: '1 row failed, maxErrors is 0' });
    expect(summary.counts).toMatchObject({ error: 1, inserted: 29, notSent: 370 });
  });

  it('has a result when the instance stays away after the load', async () => {
    await world.settings('imp_load', { ...settings, verdictTimeoutSeconds: 600 });
    const { faults } = world.instance.control;
    faults.add({
      match: { method: 'GET', path: '/api/now/table/imp_load' },
      action: 'unavailable',
      count: 1_000_000,
    });
    onTestFinished(() => faults.clear());
    const summary = await world.run(await world.drop('imports/imp_load/gone.csv', load(20, 'gone-')));
    expect(summary).toMatchObject({ status: 'stopped', counts: { unknown: 20 }, lines: { rows: 20 } });
    expect(summary.reason).toMatch(/^abandoned: /);
    expect(summary.messages[0]?.message).toContain('abandoned before its verdict was read');
    expect(await world.waiting()).toEqual([]);
  });
});
