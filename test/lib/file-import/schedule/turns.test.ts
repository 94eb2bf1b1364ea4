import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImportRequest } from '../../../../lib/file-import/schedule/import-request.ts';
import { queueUp } from '../../../../lib/file-import/schedule/line.ts';
import { noteDrop, notePlace } from '../../../../lib/file-import/schedule/seen-drops.ts';
import { createTurns } from '../../../../lib/file-import/schedule/turns.ts';
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

  it('lets a drop wait for an earlier one whose event is still under way', async () => {
    const first = await world.drop('imports/t/first.csv', 'a\n1');
    const second = await world.drop('imports/t/second.csv', 'a\n1');
    expect(await world.turns().take(second)).toBe(false);
    expect(await noteDrop(world.s3, first)).toBe('new');
    expect(await world.turns().take(second)).toBe(false);
    await queueUp(world.s3, world.clock, first);
    await notePlace(world.s3, first);
    expect(await world.turns().take(second)).toBe(false);
    // Both may be of the same millisecond.
    await noteDrop(world.s3, second);
    await notePlace(world.s3, second);
    expect(await world.turns().take(first)).toBe(true);
    await world.turns().release(first);
    expect(await world.turns().take(second)).toBe(true);
  });

  it('lets a drop wait for an earlier one that replaces a file known from before', async () => {
    const known = { ...drop('t', 'first', 1), droppedAt: '2026-11-24T03:00:00.000Z' };
    await noteDrop(world.s3, known);
    await notePlace(world.s3, known);
    await world.drop('imports/t/first.csv', 'a\n2');
    expect(await world.turns().take(await world.drop('imports/t/second.csv', 'a\n1'))).toBe(false);
  });

  it('waits a minute and no longer for an event that never comes', async () => {
    await world.drop('imports/t/first.csv', 'a\n1');
    const second = await world.drop('imports/t/second.csv', 'a\n1');
    world.clock.advance(50_000);
    expect(await world.turns().take(second)).toBe(false);
    world.clock.advance(11_000);
    expect(await world.turns().take(second)).toBe(true);
  });

  const put = (Key: string, Body: string) =>
    world.s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));

  it('waits for nothing that is no drop or belongs to another table', async () => {
    await put('imports/t/_import.json', '{}');
    await put('imports/t/empty.csv', '');
    await put('imports/other/first.csv', 'a\n1');
    expect(await world.turns().take(await world.drop('imports/t/mine.csv', 'a\n1'))).toBe(true);
  });

  it('waits for no drop that came later', async () => {
    const dropped = await world.drop('imports/t/mine.csv', 'a\n1');
    const mine = { ...dropped, droppedAt: new Date(Date.parse(dropped.droppedAt) - 1_000).toISOString() };
    await put('imports/t/later.csv', 'a\n1');
    expect(await world.turns().take(mine)).toBe(true);
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

  it('is renewed when it is taken again long after a crash, so that nobody else gets it', async () => {
    const [request, next] = [drop('t', 'a', 1), drop('t', 'b', 2)];
    await world.turns().take(request);
    world.clock.advance(leaseMs - 30_000);
    const again = world.turns();
    expect(await again.take(request)).toBe(true);
    await again.renew(request);
    world.clock.advance(290_000);
    await again.queue(request);
    world.clock.advance(290_000);
    const { renewedAtMs }: { renewedAtMs: number } = JSON.parse(await world.read('turns/running/table-t'));
    expect(world.clock.now() - renewedAtMs).toBeLessThan(600_000);
    expect(await world.turns().take(next)).toBe(false);
  });

  it('takes no second slot when it is taken again while another slot has become free', async () => {
    const [other, request] = [drop('s', 'a', 1), drop('t', 'a', 1)];
    await world.turns().take(other);
    await world.turns().take(request);
    await world.turns().release(other);
    expect(await world.turns().take(request)).toBe(true);
    expect(await world.turns().take(other)).toBe(true);
  });

  it('passes on when its holder has not been heard of for the length of the lease', async () => {
    const [dead, waiting] = [drop('t', 'a', 1), drop('t', 'b', 2)];
    expect(await world.turns().take(dead)).toBe(true);
    world.clock.advance(leaseMs + 60_000);
    expect(await world.turns().take(waiting)).toBe(true);
  });

  it('does not wait for a place in the line that nobody has renewed for five minutes', async () => {
    const [gone, next] = [drop('t', 'a', 1), drop('t', 'b', 2)];
    await world.turns().queue(gone);
    world.clock.advance(290_000);
    expect(await world.turns().take(next)).toBe(false);
    world.clock.advance(20_000);
    expect(await world.turns().take(next)).toBe(true);
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
