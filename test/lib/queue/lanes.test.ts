import { describe, expect, it } from 'vitest';
import { toLanes } from '../../../lib/queue/lanes.ts';
import { readWrite } from '../../../lib/queue/write.ts';

/** Lanes as the positions of their writes. */
function lanesOf(bodies: readonly object[], groups: readonly string[] = []): number[][] {
  const writes = bodies.map((body, index) =>
    readWrite({
      messageId: `m${index}`,
      receiptHandle: '',
      body: JSON.stringify({ table: 'incident', ...body }),
      receiveCount: 1,
      sentAtMs: 0,
      firstReceivedAtMs: 0,
      groupId: groups[index],
      attributes: {},
      isFifo: groups.length > 0,
    }),
  );
  return toLanes(writes).map((lane) => lane.map((write) => writes.indexOf(write)));
}

const update = (sysId: string, record = {}) => ({ action: 'update', sysId, record });
const upsert = (match: object, record = {}) => ({ action: 'upsert', match, record });

describe('lanes', () => {
  it('keep writes of one record in order and let all others go side by side', () => {
    const remove = { action: 'delete', sysId: 'a' };
    expect(lanesOf([update('a'), { record: {} }, update('b'), remove, { record: {} }])).toEqual([
      [0, 3],
      [1],
      [2],
      [4],
    ]);
  });

  it('join creates under one key', () => {
    expect(
      lanesOf([
        { record: {}, key: 'k' },
        { record: {}, key: 'j' },
        { record: {}, key: 'k' },
      ]),
    ).toEqual([[0, 2], [1]]);
  });

  it('join an upsert with what gives a column the value that it looks for, before or after', () => {
    const bodies = [
      { record: { correlation_id: 'x' } },
      upsert({ correlation_id: 'x' }),
      upsert({ correlation_id: 'y' }),
      update('a', { correlation_id: 'x' }),
      update('a'),
      { record: { category: 'x' } },
    ];
    expect(lanesOf(bodies)).toEqual([[0, 1, 3, 4], [2], [5]]);
  });

  it('are the groups of a FIFO queue', () => {
    expect(lanesOf([update('a'), update('a'), update('b')], ['g', 'h', 'g'])).toEqual([[0, 2], [1]]);
  });

  it('do not mix tables', () => {
    expect(
      lanesOf([
        { ...update('a'), table: 'incident' },
        { ...update('a'), table: 'problem' },
      ]),
    ).toEqual([[0], [1]]);
  });
});
