import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  correlationIdOf,
  deriveSysId,
  deriveUpsertSysId,
  identityBy,
} from '../../../lib/operations/identity.ts';
import { readCommand } from '../../../lib/record-queue/message.ts';
import { RecordOrder, toSequences } from '../../../lib/record-queue/ordering.ts';

const deployment = 'servicenow-functions/dev';

function commandsOf(bodies: readonly object[], groups: readonly string[] = []) {
  return bodies.map((body, index) =>
    readCommand({
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
}

/** Sequences as the positions of their commands. */
function sequencesOf(bodies: readonly object[], groups: readonly string[] = []): number[][] {
  const commands = commandsOf(bodies, groups);
  return toSequences(commands, { deployment, identityOf: identityBy(deployment, ['cmdb_ci']) }).map(
    (sequence) => sequence.map((command) => commands.indexOf(command)),
  );
}

const update = (sysId: string, record = {}) => ({ action: 'update', sysId, record });
const upsert = (match: object, record = {}) => ({ action: 'upsert', match, record });

describe('sequences', () => {
  it('keep writes of one record in order and let all others go side by side', () => {
    const remove = { action: 'delete', sysId: 'a' };
    expect(sequencesOf([update('a'), { record: {} }, update('b'), remove, { record: {} }])).toEqual([
      [0, 3],
      [1],
      [2],
      [4],
    ]);
  });

  it('join creates under one key', () => {
    expect(
      sequencesOf([
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
    expect(sequencesOf(bodies)).toEqual([[0, 1, 3, 4], [2], [5]]);
  });

  it('join a create or an upsert with what names its record by the sys_id that it gives', () => {
    const made = deriveSysId(deployment, 'incident', 'k');
    const upserted = deriveUpsertSysId(deployment, 'incident', { number: '7' }, 0);
    const bodies = [
      { record: {}, key: 'k' },
      upsert({ number: '7' }),
      update(made),
      { action: 'delete', sysId: upserted.toUpperCase() },
    ];
    expect(sequencesOf(bodies)).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });

  it('join what an instance takes for the same: numbers and texts, letters of either case, blanks around', () => {
    const bodies = [
      { record: { u_count: 5, u_flag: true } },
      upsert({ u_count: '5' }),
      { record: { u_name: 'Web-01 ' } },
      upsert({ u_name: 'web-01' }),
      { ...update('A'), table: 'Incident' },
      { ...update('a'), instance: 'default' },
    ];
    expect(sequencesOf(bodies)).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
  });

  it('join upserts by all their columns, not by one that many records share', () => {
    const bodies = [
      upsert({ company: 'x', number: '1' }),
      upsert({ number: '2', company: 'x' }),
      upsert({ number: '1', company: 'x' }),
      { record: { company: 'x', number: '2' } },
      { record: { company: 'x' } },
      update('a', { company: 'y', number: '1' }),
    ];
    expect(sequencesOf(bodies)).toEqual([[0, 2], [1, 3], [4], [5]]);
  });

  it('join an upsert with what it leads to when it changes what it matches', () => {
    expect(sequencesOf([upsert({ number: '1' }, { number: '2' }), upsert({ number: '2' })])).toEqual([
      [0, 1],
    ]);
  });

  it('join a create with an upsert by the correlation_id that its key gives', () => {
    const correlationId = correlationIdOf(deployment, 'cmdb_ci', 'order-7');
    const bodies = [{ record: {}, key: 'order-7' }, upsert({ correlation_id: correlationId })];
    expect(sequencesOf(bodies.map((body) => ({ ...body, table: 'cmdb_ci' })))).toEqual([[0, 1]]);
  });

  it('are the groups of a FIFO queue', () => {
    expect(sequencesOf([update('a'), update('a'), update('b')], ['g', 'h', 'g'])).toEqual([[0, 2], [1]]);
  });

  it('do not mix tables', () => {
    expect(
      sequencesOf([
        { ...update('a'), table: 'incident' },
        { ...update('a'), table: 'problem' },
      ]),
    ).toEqual([[0], [1]]);
  });
});

describe('the order of a record', () => {
  const findsNone = async () => [];

  /** Which of the commands behind the first one may go on while that is at work on `a`. */
  async function goingOn(bodies: readonly object[], groups: readonly string[] = []): Promise<number[]> {
    const commands = commandsOf(bodies, groups);
    const order = new RecordOrder(commands);
    const [first, ...others] = commands;
    if (first) await order.waitForTurn(first, 'a', findsNone);
    const free: number[] = [];
    for (const [index, command] of others.entries())
      void order.waitForTurn(command, 'A', findsNone).then(() => free.push(index + 1));
    await setImmediate();
    return free;
  }

  it('has what names the record wait for an upsert before it, and a create for none', async () => {
    expect(await goingOn([upsert({ number: '1' }), update('a'), { record: {} }])).toEqual([2]);
  });

  it('is that of the queue where this keeps one: no group waits for another', async () => {
    expect(await goingOn([upsert({ number: '1' }), update('a')], ['g', 'h'])).toEqual([1]);
  });

  it('lets the next one go on once the one before it is over', async () => {
    const [first, second] = commandsOf([upsert({ number: '1' }), update('a')]);
    if (!first || !second) throw new Error('two commands');
    const order = new RecordOrder([first, second]);
    await order.waitForTurn(first, 'a', findsNone);
    const turn = order.waitForTurn(second, 'a', findsNone);
    order.end(first);
    await expect(turn).resolves.toBeUndefined();
  });

  it('holds for one that begins while it is looked which of those that have not begun find the record', async () => {
    const commands = commandsOf([upsert({ number: '1' }), update('a')]);
    const [rival, own] = commands;
    if (!rival || !own) throw new Error('two commands');
    const order = new RecordOrder(commands);
    const isFree = goesOn(
      order.waitForTurn(own, 'a', async () => {
        order.begin(rival, true);
        return [];
      }),
    );
    expect(await isFree()).toBe(false);
    order.end(rival);
    expect(await isFree()).toBe(true);
  });

  it('holds for one that finds the record only as one before it has written it', async () => {
    const commands = commandsOf([upsert({ number: '1' }), upsert({ number: '2' }), update('a')]);
    const [first, second, own] = commands;
    if (!first || !second || !own) throw new Error('three commands');
    const order = new RecordOrder(commands);
    const looks = [[first], []];
    const isFree = goesOn(order.waitForTurn(own, 'a', async () => looks.shift() ?? []));
    await setImmediate();
    order.begin(first, true);
    order.begin(second, true);
    order.end(first);
    expect(await isFree()).toBe(false);
    await order.waitForTurn(second, 'b', findsNone);
    expect(await isFree()).toBe(true);
  });

  function goesOn(turn: Promise<void>): () => Promise<boolean> {
    let isFree = false;
    void turn.then(() => {
      isFree = true;
    });
    return async () => {
      await setImmediate();
      return isFree;
    };
  }
});
