import { expect, it } from 'vitest';
import { LedgerItems } from '../../../lib/aws/ledger-items.ts';
import { RecordMarks } from '../../../lib/aws/record-marks.ts';
import { deadlineAt } from '../../../lib/core/clock.ts';
import { manualClock } from '../core/manual-clock.ts';
import { startStateTable } from './local-state-table.ts';

const sysId = 'd'.repeat(32);

async function startMarks() {
  const clock = manualClock();
  const { table } = await startStateTable(clock);
  const items = new LedgerItems(() => table, clock, deadlineAt(clock.now() + 60_000, clock));
  const marks = new RecordMarks(items, { deployment: 'd', instance: 'i' }, clock);
  const begin = (by: string) =>
    marks.beginDelete(sysId, { by, under: '', untilMs: clock.now() + 60_000, createdOn: '', number: '' });
  return { clock, marks, begin };
}

it('a delete that failed is forgotten, unless another one was under way or has begun since', async () => {
  const { marks, begin } = await startMarks();
  expect(await begin('one')).toBe('first');
  await marks.abandonDelete(sysId, 'one');
  expect((await marks.now(sysId)).isDeleted).toBe(false);
  expect(await begin('two')).toBe('first');
  expect(await begin('three')).toBe('another');
  await marks.abandonDelete(sysId, 'two');
  expect((await marks.now(sysId)).isDeleted).toBe(true);
});

it('a delete does not begin while a copy of a create of its record may be running', async () => {
  const { marks, begin } = await startMarks();
  await marks.keepDeletesAway(sysId, Number.MAX_SAFE_INTEGER);
  expect(await begin('one')).toBe('refused');
  expect((await marks.now(sysId)).isDeleted).toBe(false);
});

it('a record that is gone stays so when another delete of it begins, which found it made again', async () => {
  const { marks, begin } = await startMarks();
  await begin('one');
  await marks.endDelete(sysId);
  expect(await begin('two')).toBe('another');
  expect(await marks.now(sysId)).toMatchObject({ isDeleted: true, deletingUntilMs: 0 });
});

it('a doubt of one key is not ended, shortened or taken over by another', async () => {
  const { clock, marks } = await startMarks();
  const untilMs = clock.now() + 60_000;
  await marks.markInDoubt(sysId, untilMs, 'one');
  await marks.endDoubt(sysId, 'two');
  await marks.markInDoubt(sysId, untilMs - 30_000, 'one');
  expect(await marks.now(sysId)).toMatchObject({ inDoubtUntilMs: untilMs, inDoubtKey: 'one' });
  await marks.markInDoubt(sysId, untilMs - 10_000, 'two');
  await marks.endDoubt(sysId, 'two');
  await marks.endDoubt(sysId, 'one');
  expect((await marks.now(sysId)).inDoubtUntilMs).toBe(untilMs);
  await marks.markInDoubt(sysId, untilMs + 10_000, 'three');
  await marks.endDoubt(sysId, 'three');
  expect((await marks.now(sysId)).inDoubtUntilMs).toBe(untilMs + 10_000);
});

it('a doubt is ended by its own key, and one that is over gives way to the next', async () => {
  const { clock, marks } = await startMarks();
  await marks.markInDoubt(sysId, clock.now() + 1_000, 'one');
  await marks.endDoubt(sysId, 'one');
  await marks.markInDoubt(sysId, clock.now() + 2_000, 'two');
  expect((await marks.now(sysId)).inDoubtKey).toBe('two');
  await marks.endDoubt(sysId, 'two');
  expect((await marks.now(sysId)).inDoubtUntilMs).toBe(0);
});

it('the key of signals is known although the state table cannot be written to', async () => {
  const clock = manualClock();
  const { table } = await startStateTable(clock);
  let refused = 0;
  const readOnly = {
    ...table,
    async update() {
      refused += 1;
      throw new Error('AccessDenied');
    },
  };
  const marksOf = (some: typeof table) =>
    new RecordMarks(
      new LedgerItems(() => some, clock, deadlineAt(clock.now() + 60_000, clock)),
      { deployment: 'd', instance: 'i' },
      clock,
    );
  await marksOf(table).rememberSignalKey(sysId, 'a long key');
  await clock.advance(20 * 86_400_000);
  expect(await marksOf(readOnly).signalKeyOf(sysId)).toBe('a long key');
  expect(refused).toBe(1);
});
