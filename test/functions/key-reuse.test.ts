import { describe, expect, it } from 'vitest';
import { StateUnavailableError } from '../../lib/aws/state-calls.ts';
import type { StateTable } from '../../lib/aws/state-table.ts';
import { deriveSysId } from '../../lib/operations/identity.ts';
import type { TestMessage } from '../lib/record-queue/emulated-queue.ts';
import { startBothWays } from './both-ways.ts';

type World = Awaited<ReturnType<typeof startBothWays>>;

/** One operation under the key `k`, whichever way it comes, and how one sees that it was carried out. */
type Use = {
  /** @returns the code that it was refused with */
  carryOut(world: World): Promise<string | undefined>;
  isDone(world: World): boolean;
};

const [updated, deleted, removed] = ['a'.repeat(32), 'b'.repeat(32), 'c'.repeat(32)];

function ofQueue(body: object): Use['carryOut'] {
  return async (world) => {
    const message: TestMessage = { id: 'm', key: 'k', body: { table: 'incident', ...body }, receiveCount: 2 };
    expect(await world.queue.deliver([message])).toEqual([]);
    return world.queue.deadLetters.splice(0)[0]?.attributes['ErrorCode'];
  };
}

function ofHttp(call: (world: World) => ReturnType<World['post']>): Use['carryOut'] {
  return async (world) => (await call(world)).headers['x-error-code'];
}

const holds = (column: string, value: string) => (world: World) =>
  world.incidents().some((row) => row[column] === value);
const lacks = (sysId: string) => (world: World) => world.store.find('incident', sysId) === undefined;

const uses: Readonly<Record<string, Use>> = {
  create: {
    carryOut: ofQueue({ record: { category: 'created' } }),
    isDone: holds('category', 'created'),
  },
  POST: {
    carryOut: ofHttp(({ post }) => post({ category: 'posted' }, 'k')),
    isDone: holds('category', 'posted'),
  },
  update: {
    carryOut: ofQueue({ action: 'update', sysId: updated, record: { urgency: '1' } }),
    isDone: holds('urgency', '1'),
  },
  PATCH: {
    carryOut: ofHttp(({ patch }) => patch(updated, { impact: '1' }, 'k')),
    isDone: holds('impact', '1'),
  },
  upsert: {
    carryOut: ofQueue({ action: 'upsert', match: { correlation_display: 'x' }, record: {} }),
    isDone: holds('correlation_display', 'x'),
  },
  delete: { carryOut: ofQueue({ action: 'delete', sysId: deleted }), isDone: lacks(deleted) },
  DELETE: { carryOut: ofHttp(({ remove }) => remove(removed, 'k')), isDone: lacks(removed) },
};

const creates = ['create', 'POST'];
const pairs = Object.keys(uses).flatMap((first) =>
  Object.keys(uses).flatMap((second) => (first === second ? [] : [[first, second] as const])),
);
const httpUses = ['POST', 'PATCH', 'DELETE'];
const reuseCodeOf = (name: string) => (httpUses.includes(name) ? 'IDEMPOTENCY_KEY_REUSED' : 'KEY_REUSED');
const areOneWork = (first: string, second: string) => creates.includes(first) && creates.includes(second);
const useOf = (name: string): Use => {
  const use = uses[name];
  if (use === undefined) throw new Error(`no use ${name}`);
  return use;
};

async function startWorld(environment: Record<string, string> = {}) {
  const world = await startBothWays({ environment });
  for (const sys_id of [updated, deleted, removed]) world.store.seed('incident', { sys_id });
  return world;
}

describe('a key that one operation has used', () => {
  const refused = pairs.filter(([first, second]) => !creates.includes(first) && !areOneWork(first, second));
  it.each(refused)('after %s is refused for %s, and for nothing else', async (first, second) => {
    const world = await startWorld();
    expect(await useOf(first).carryOut(world)).toBeUndefined();
    expect(await useOf(second).carryOut(world)).toBe(reuseCodeOf(second));
    expect(useOf(second).isDone(world)).toBe(false);
    expect(await useOf(first).carryOut(world)).toBeUndefined();
    expect(useOf(first).isDone(world)).toBe(true);
    expect(world.incidents().length).toBeLessThanOrEqual(4);
  });

  const afterCreate = pairs.filter(
    ([first, second]) => creates.includes(first) && !areOneWork(first, second),
  );
  it.each(afterCreate)(
    'after %s in a table of correlationIdTables is refused for %s',
    async (first, second) => {
      const world = await startWorld({ CORRELATION_ID_TABLES: 'incident' });
      expect(await useOf(first).carryOut(world)).toBeUndefined();
      expect(await useOf(second).carryOut(world)).toBe(reuseCodeOf(second));
      expect(useOf(second).isDone(world)).toBe(false);
    },
  );

  it.each(afterCreate)(
    'after %s that its sys_id protects is taken for %s, and the create stays one',
    async (first, second) => {
      const world = await startWorld();
      expect(await useOf(first).carryOut(world)).toBeUndefined();
      expect(await useOf(second).carryOut(world)).toBeUndefined();
      expect(useOf(second).isDone(world)).toBe(true);
      for (const name of [first, second, 'POST', 'create'])
        expect(await useOf(name).carryOut(world)).toBeUndefined();
      const sysId = deriveSysId('servicenow-functions/dev', 'incident', 'k');
      expect(world.store.find('incident', sysId)).toBeDefined();
      expect(world.incidents().length).toBeLessThanOrEqual(5);
    },
  );
});

describe('one work that comes both ways under one key', () => {
  it.each([
    ['update', 'PATCH'],
    ['PATCH', 'update'],
  ])('is carried out once: a note by %s, then by %s', async (first) => {
    const world = await startWorld();
    const record = { work_notes: 'seen', urgency: '1' };
    const update = ofQueue({ action: 'update', sysId: updated, record });
    const patch = ofHttp((one) => one.patch(updated, record, 'k'));
    for (const way of first === 'update' ? [update, patch] : [patch, update])
      expect(await way(world)).toBeUndefined();
    const notes = world.store.select('sys_journal_field').filter(({ element_id }) => element_id === updated);
    expect(notes).toHaveLength(1);
  });

  it('is carried out once: a delete', async () => {
    const world = await startWorld();
    const removal = ofHttp((one) => one.remove(deleted, 'k'));
    for (const way of [removal, useOf('delete').carryOut, removal]) expect(await way(world)).toBeUndefined();
    expect(useOf('delete').isDone(world)).toBe(true);
  });

  it('is carried out once: a delete whose message could not be remembered as done', async () => {
    const switched = { on: true };
    const throughTable = (table: StateTable): StateTable => ({
      ...table,
      async writeMany(writes, call) {
        if (switched.on && JSON.stringify(writes).includes('"applied"'))
          throw new StateUnavailableError('away');
        return table.writeMany(writes, call);
      },
    });
    const world = await startBothWays({ throughTable });
    world.store.seed('incident', { sys_id: deleted });
    const message = { id: 'm', key: 'k', body: { action: 'delete', table: 'incident', sysId: deleted } };
    expect(await world.queue.deliver([message])).toEqual(['m']);
    switched.on = false;
    expect((await world.remove(deleted, 'k')).statusCode).toBe(204);
    expect((await world.remove(deleted, 'other')).statusCode).toBe(404);
  });

  it('does not bring back what was deleted, though its key was used once more for another record', async () => {
    const world = await startWorld();
    const sysId = deriveSysId('servicenow-functions/dev', 'incident', 'k');
    await useOf('POST').carryOut(world);
    expect((await world.remove(sysId)).statusCode).toBe(204);
    for (const name of ['PATCH', 'POST']) expect(await useOf(name).carryOut(world)).toBeUndefined();
    expect(world.store.find('incident', sysId)).toBeUndefined();
  });
});
