import { expect, it } from 'vitest';
import { LedgerItems } from '../../../lib/aws/ledger-items.ts';
import { RecordMarks } from '../../../lib/aws/record-marks.ts';
import { deadlineAt, systemClock } from '../../../lib/core/clock.ts';
import { meetAt } from '../../../lib/operations/write-ledger.ts';
import { startStateTable } from '../aws/local-state-table.ts';

it('a maker that lets others go on, and once more later, does not free what another has reserved since', async () => {
  const { table } = await startStateTable(systemClock);
  const deadline = deadlineAt(Date.now() + 60_000, systemClock);
  const meet = () => {
    const items = new LedgerItems(() => table, systemClock, deadline);
    const records = new RecordMarks(items, { deployment: 'd', instance: 'i' }, systemClock);
    return meetAt({ records }, 'incident', 'x', systemClock);
  };
  const untilMs = Date.now() + 60_000;
  const [first, idle] = [await meet(), await meet()];
  expect(await first.reserve('first', untilMs)).toBe(true);
  await first.release();
  const second = await meet();
  expect(await second.reserve('second', untilMs)).toBe(true);
  await Promise.all([first.release(), idle.release()]);
  const third = await meet();
  expect(await third.reserve('third', untilMs)).toBe(false);
});
