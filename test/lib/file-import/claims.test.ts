import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { addAccount } from '../../../emulator/instance/auth/add-account.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { createClient } from '../../../lib/servicenow/client.ts';
import { startWorld, type World } from './world.ts';

const insertMultiple = { method: 'POST', path: '/api/now/import/*' };
const settings = { rowsPerRequest: 10, concurrency: 1, inDoubtSeconds: 1 };

let world: World;

beforeEach(async () => {
  world = await startWorld({ demoData: false }, true);
});
afterEach(() => world.close());

const load = (count: number, prefix: string) =>
  ['u_code,u_text', ...Array.from({ length: count }, (_, i) => `${prefix}${i},row ${i}`)].join('\n');

/** A user who imports without being an administrator. */
function limited() {
  addAccount(world.instance.control.auth, {
    userName: 'limited',
    password: 'p',
    roles: ['import_admin', 'itil'],
  });
  const auth = { type: 'basic', username: 'limited', password: 'p' };
  const client = createClient({
    readSecret: async () => JSON.stringify({ instanceUrl: world.instance.url, auth }),
    allowedHosts: ['127.0.0.1'],
    backOff: { baseMs: 1, capMs: 2 },
  });
  onTestFinished(() => client.close());
  return () => client;
}

const lose = (action: string, more: object = {}) =>
  world.instance.control.faults.add({ match: insertMultiple, action, seed: 1, ...more });

const rowsOf = (userName: string) =>
  world.rows('imp_load').filter((row) => row['sys_created_by'] === userName);

describe('a set that holds the rows of a lost request', () => {
  it('is not claimed from an earlier file, where the newest set of the table is hidden from the user', async () => {
    await world.settings('imp_load', settings);
    const as = limited();
    await world.run(await world.drop('imports/imp_load/today.csv', load(10, 'same-')), new Map(), as);
    world.clock.advance(60_000);
    await world.run(await world.drop('imports/imp_load/other.csv', load(1, 'other-')));
    world.clock.advance(60_000);
    const [newest] = world.rows('sys_import_set').slice(-1);
    expect(newest?.['sys_created_by']).toBe('watched.user');
    world.instance.control.auth.access.add({
      table: 'sys_import_set',
      operation: 'read',
      where: { sys_created_by: 'limited' },
    });
    lose('reset-before-commit', { count: 1 });
    const again = await world.drop('imports/imp_load/tomorrow.csv', load(10, 'same-'));
    const summary = await world.run(again, new Map(), as);
    expect(rowsOf('limited')).toHaveLength(20);
    expect(summary.counts).toMatchObject({ ignored: 10 });
  });

  it.each(['server-error', 'reset-after-commit'])(
    'is not claimed from another user, where the instance does not say who we are: %s',
    async (action) => {
      await world.settings('imp_load', settings);
      const as = limited();
      world.instance.control.auth.access.add({ table: 'sys_user', operation: 'read', roles: ['none'] });
      lose('other-client', { rows: 'same', count: 1 });
      lose(action, { count: 1 });
      const summary = await world.run(
        await world.drop('imports/imp_load/own.csv', load(10, 'own-')),
        new Map(),
        as,
      );
      expect(summary.counts).toMatchObject({ unknown: 10 });
      expect(rowsOf('limited')).toHaveLength(action === 'server-error' ? 0 : 10);
    },
  );

  it('is not claimed for another request of which it may be as well, at once or later', async () => {
    await world.settings('imp_load', { ...settings, concurrency: 2 });
    // The first two are lost at the same time.
    const bothLost = Promise.withResolvers<void>();
    let lost = 0;
    const client: ServiceNowClient = {
      async send(call, context) {
        try {
          return await world.client.send(call, context);
        } catch (error) {
          if (call.method === 'POST' && ++lost === 2) bothLost.resolve();
          if (call.method === 'POST') await bothLost.promise;
          throw error;
        }
      },
      close: async () => undefined,
    };
    // Numbers in this notation cannot be compared: one of two requests that differ in them only is carried out.
    lose('reset-after-commit', { count: 1 });
    lose('reset-before-commit', { count: 1, skip: 1 });
    lose('reset-before-commit', { count: 1, skip: 2 });
    const rows = Array.from({ length: 30 }, (_, i) => `c-${i % 10},${1 + Math.floor(i / 10)}e3`);
    const summary = await world.run(
      await world.drop('imports/imp_load/alike.csv', ['u_code,u_count', ...rows].join('\n')),
      new Map(),
      () => client,
    );
    // Of the third one it is certain that it is not that set: it was sent later.
    expect(summary.counts).toMatchObject({ unknown: 20, ignored: 10 });
    const held = world.rows('imp_load').map((row) => row['u_count']);
    expect(held.filter((count) => count === '3000')).toHaveLength(10);
    expect(held).toHaveLength(20);
  });
});

describe('rows with keys, into which the instance writes something else', () => {
  /** An instance with a rule that empties the column, or makes another text of it. */
  const rewriting = (rewrite: (key: string) => string): ServiceNowClient => ({
    async send(request, context) {
      try {
        return await world.client.send(request, context);
      } finally {
        if (request.method === 'POST')
          for (const { sys_id: id = '', u_key: key = '' } of world.rows('imp_load'))
            if (/^[0-9a-f]{12}:/.test(key))
              world.instance.state.store.assign('imp_load', id, { u_key: rewrite(key) });
      }
    },
    close: () => world.client.close(),
  });

  it.each([
    ['nothing', 'first', () => '', 0, {}],
    ['nothing', 'third', () => '', 2, {}],
    ['another text', 'first', (key: string) => `item ${key.length}`, 0, {}],
    ['another text', 'third', (key: string) => `item ${key.length}`, 2, {}],
    ['another text', 'first', (key: string) => `item ${key.length}`, 0, { mode: 'rows' }],
  ] as const)(
    'are not sent again after a lost answer: %s, the %s request',
    async (_, __, rewrite, skip, more) => {
      await world.settings('imp_load', { ...settings, keyColumn: 'u_key', ...more });
      const match = 'mode' in more ? { method: 'POST', path: '/api/now/*batch' } : insertMultiple;
      world.instance.control.faults.add({ match, action: 'reset-after-commit', seed: 1, count: 1, skip });
      const drop = await world.drop('imports/imp_load/keys.csv', load(50, 'k-'));
      const summary = await world.run(drop, new Map(), () => rewriting(rewrite));
      expect(new Set(world.rows('imp_load').map((row) => row['u_code'])).size).toBe(50);
      expect(world.rows('imp_load')).toHaveLength(50);
      expect(summary.counts).toMatchObject({ error: 0, notSent: 0, ignored: 0 });
    },
  );

  it('are not sent again where the clock of the instance is behind', async () => {
    await world.settings('imp_load', { ...settings, keyColumn: 'u_key' });
    await world.instance.control.clock.advance(-300_000);
    lose('reset-after-commit', { count: 1 });
    const drop = await world.drop('imports/imp_load/keys.csv', load(50, 'k-'));
    await world.run(drop, new Map(), () => rewriting(() => ''));
    expect(world.rows('imp_load')).toHaveLength(50);
  });

  it('are not looked for among the rows that the import has stored under their keys', async () => {
    await world.settings('imp_load', { ...settings, rowsPerRequest: 500, keyColumn: 'u_key' });
    lose('reset-before-commit', { count: 1, skip: 2 });
    const looked: number[] = [];
    const counting = (): ServiceNowClient => ({
      async send(request, context) {
        const answer = await world.client.send(request, context);
        if (String(request.query).includes('sys_created_on'))
          looked.push((answer.body as { result: unknown[] }).result.length);
        return answer;
      },
      close: () => world.client.close(),
    });
    const drop = await world.drop('imports/imp_load/same.csv', `u_code\n${'same\n'.repeat(1_200)}`);
    const summary = await world.run(drop, new Map(), counting);
    expect(summary.counts).toMatchObject({ unknown: 0, notSent: 0 });
    expect(world.rows('imp_load')).toHaveLength(1_200);
    expect(looked).toEqual([0, 0]);
  });

  it('are sent again where rows of the same values were there before', async () => {
    await world.settings('imp_load', settings);
    await world.run(await world.drop('imports/imp_load/keyless.csv', load(20, 'k-')));
    world.clock.advance(120_000);
    await world.settings('imp_load', { ...settings, keyColumn: 'u_key' });
    lose('reset-before-commit', { count: 1 });
    const summary = await world.run(await world.drop('imports/imp_load/keyed.csv', load(20, 'k-')));
    expect(summary.counts).toMatchObject({ ignored: 20, unknown: 0 });
    expect(world.rows('imp_load')).toHaveLength(40);
  });
});
