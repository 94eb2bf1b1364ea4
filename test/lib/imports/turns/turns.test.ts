import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImportRequest } from '../../../../lib/imports/drop/import-request.ts';
import { createTurns } from '../../../../lib/imports/turns/turns.ts';
import { bucket, startWorld, type World } from '../world.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld({ demoData: false });
});
afterEach(() => world.close());

function drop(table: string, name: string, minute: number): ImportRequest {
  return {
    bucket,
    key: `imports/${table}/${name}.csv`,
    eTag: name,
    size: 1,
    table,
    droppedAt: `2026-11-24T03:${String(minute).padStart(2, '0')}:00.000Z`,
    sequencer: '1',
  };
}

const leaseMs = 1_800_000;

describe('turns', () => {
  it('lets one import per staging table run, in the order of the drops', async () => {
    const [first, second, third] = [drop('t', 'a', 1), drop('t', 'b', 2), drop('t', 'c', 3)];
    for (const request of [third, second, first]) await world.turns().queue(request);
    expect(await world.turns().take(second)).toBe(false);
    expect(await world.turns().take(first)).toBe(true);
    expect(await world.turns().take(second)).toBe(false);
    await world.turns().release(first);
    expect(await world.turns().take(third)).toBe(false);
    expect(await world.turns().take(second)).toBe(true);
  });

  it('lets no more imports run than there are slots, whatever their tables', async () => {
    const drops = ['r', 's', 't'].map((table) => drop(table, 'a', 1));
    for (const request of drops) await world.turns().queue(request);
    const granted = await Promise.all(drops.map((request) => world.turns().take(request)));
    expect(granted.filter(Boolean)).toHaveLength(2);
  });

  it('does not let a late event of an earlier drop in while another one runs', async () => {
    const later = drop('t', 'b', 2);
    expect(await world.turns().take(later)).toBe(true);
    expect(await world.turns().take(drop('t', 'a', 1))).toBe(false);
  });

  it('is taken again by the import that holds it, as after a crash', async () => {
    const request = drop('t', 'a', 1);
    expect(await world.turns().take(request)).toBe(true);
    expect(await world.turns().take(request)).toBe(true);
  });

  it('passes on when its holder has not been heard of for the length of the lease', async () => {
    const [dead, waiting] = [drop('t', 'a', 1), drop('t', 'b', 2)];
    expect(await world.turns().take(dead)).toBe(true);
    world.clock.advance(leaseMs + 60_000);
    expect(await world.turns().take(waiting)).toBe(true);
  });

  it('tells an import that lost its turn to wait instead of running beside another one', async () => {
    const [stalled, next] = [drop('t', 'a', 1), drop('t', 'b', 2)];
    await world.turns().take(stalled);
    world.clock.advance(leaseMs + 60_000);
    await world.turns().take(next);
    await expect(world.turns().renew(stalled)).rejects.toMatchObject({ code: 'RETRY_LATER' });
  });

  it('keeps the turn of a long import that renews it', async () => {
    const [long, next] = [drop('t', 'a', 1), drop('t', 'b', 2)];
    const turns = createTurns({ s3: world.s3, clock: world.clock, maxConcurrent: 2 });
    await turns.take(long);
    for (let n = 0; n < 5; n++) {
      world.clock.advance(leaseMs / 2);
      await turns.renew(long);
      expect(await world.turns().take(next)).toBe(false);
    }
  });
});
