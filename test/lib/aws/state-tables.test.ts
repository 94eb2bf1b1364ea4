import { describe, expect, it } from 'vitest';
import type { StateTable } from '../../../lib/aws/state-table.ts';
import { manualClock } from '../core/manual-clock.ts';
import { startStateTable } from './local-state-table.ts';
import { memoryStateTable } from './memory-state-table.ts';

type Open = (clock: ReturnType<typeof manualClock>) => Promise<StateTable>;

/** Tests that make thousands of calls use the table in memory, so it has to behave as DynamoDB does. */
const tables: readonly (readonly [string, Open])[] = [
  ['in DynamoDB', async (clock) => (await startStateTable(clock)).table],
  ['in memory', async (clock) => memoryStateTable(clock)],
];

describe.each(tables)('the state table %s', (_where, open) => {
  it('writes under a condition only where it holds', async () => {
    const table = await open(manualClock());
    const key = { pk: 'p', sk: 'a' };
    expect(await table.put({ ...key, holder: 'x' }, { is: 'absent' })).toBe(true);
    expect(await table.put({ ...key, holder: 'y' }, { is: 'absent' })).toBe(false);
    const isHeldByX = { attribute: 'holder', operator: '=', value: 'x' } as const;
    expect(await table.update(key, { set: { n: 1 } }, isHeldByX)).toEqual({ ...key, holder: 'x', n: 1 });
    const isHeldByY = { ...isHeldByX, value: 'y' };
    expect(await table.update(key, { set: { n: 2 } }, isHeldByY)).toBeUndefined();
    expect(await table.put(key, isHeldByY)).toBe(false);
    expect(await table.read(key)).toEqual({ ...key, holder: 'x', n: 1 });
    await table.delete(key);
    expect(await table.read(key)).toBeUndefined();
  });

  it('gives the items of a partition in order, within bounds, from either end', async () => {
    const table = await open(manualClock());
    await table.writeMany(['c', 'a', 'b1', 'b2'].map((sk) => ({ put: { pk: 'p', sk } })));
    await table.put({ pk: 'other', sk: 'a' });
    const found = async (range: Parameters<StateTable['query']>[1]) =>
      (await table.query('p', range)).map(({ sk }) => sk);
    expect(await found({})).toEqual(['a', 'b1', 'b2', 'c']);
    expect(await found({ prefix: 'b' })).toEqual(['b1', 'b2']);
    expect(await found({ from: 'b1', to: 'c' })).toEqual(['b1', 'b2', 'c']);
    expect(await found({ descending: true, limit: 2 })).toEqual(['c', 'b2']);
  });

  it('refuses an item that is too large for ever, and with it the whole batch', async () => {
    const table = await open(manualClock());
    const large = { pk: 'p', sk: 'large', text: 'x'.repeat(500_000) };
    const writes = [{ put: { pk: 'p', sk: 'small' } }, { put: large }];
    const refusal = { code: 'STATE_REFUSED', isPermanent: true };
    await expect(table.writeMany(writes)).rejects.toMatchObject(refusal);
    await expect(table.put(large)).rejects.toMatchObject(refusal);
    expect(await table.query('p')).toEqual([]);
  });

  it('shows no item whose time is over, and lets another take its key', async () => {
    const clock = manualClock();
    const table = await open(clock);
    const key = { pk: 'p', sk: 'a' };
    await table.put({ ...key, expiresAt: Math.floor(clock.now() / 1000) - 1 });
    expect(await table.read(key)).toBeUndefined();
    expect(await table.query('p')).toEqual([]);
    expect(await table.put({ ...key, holder: 'new' }, { is: 'absent' })).toBe(true);
  });

  it('begins with nothing where it changes an item whose time is over', async () => {
    const clock = manualClock();
    const table = await open(clock);
    const nowSeconds = Math.floor(clock.now() / 1000);
    const isNotDeleted = {
      anyOf: [
        { attribute: 'isDeleted', exists: false },
        { attribute: 'isDeleted', operator: '=', value: false },
      ],
    } as const;
    const set = { maker: 'new', expiresAt: nowSeconds + 60 };
    for (const condition of [undefined, isNotDeleted, { attribute: 'maker', exists: false } as const]) {
      const key = { pk: 'p', sk: JSON.stringify(condition ?? null) };
      await table.put({ ...key, isDeleted: true, maker: 'old', count: 5, expiresAt: nowSeconds });
      const changed = await table.update(key, { set, add: { count: 1 } }, condition);
      expect(changed).toEqual({ ...key, ...set, count: 1 });
      expect(await table.read(key)).toEqual(changed);
      // The next change is one of a live item.
      expect(await table.update(key, { add: { count: 1 } })).toEqual({ ...key, ...set, count: 2 });
    }
  });

  it('finds no condition met by an item whose time is over', async () => {
    const clock = manualClock();
    const table = await open(clock);
    const key = { pk: 'p', sk: 'a' };
    const isHeld = { attribute: 'holder', operator: '=', value: 'x' } as const;
    await table.put({ ...key, holder: 'x', expiresAt: Math.floor(clock.now() / 1000) });
    const conditions = [isHeld, { attribute: 'holder', exists: true }, { is: 'present' }] as const;
    for (const condition of conditions) {
      expect(await table.update(key, { set: { holder: 'y' } }, condition)).toBeUndefined();
      expect(await table.put({ ...key, holder: 'y' }, condition)).toBe(false);
    }
    expect(await table.put({ ...key, holder: 'y' }, { attribute: 'holder', exists: false })).toBe(true);
  });
});
