import { expect, it } from 'vitest';
import { emptyTally } from '../../../lib/file-import/load/row-outcome.ts';
import { tooManyFailures } from '../../../lib/file-import/state.ts';

const known = (inserted: number, error: number, rejected = 0) => ({
  tally: { ...emptyTally(), inserted, error },
  rejected,
});

it.each([
  ['99 verdicts are too few, though all of them failed', known(0, 99), false, undefined],
  ['100 are enough', known(0, 100), false, '100.0 % of the rows failed, maxErrorPercent is 50'],
  [
    'few are enough once they are all',
    known(0, 2),
    true,
    '100.0 % of the rows failed, maxErrorPercent is 50',
  ],
  ['exactly the limit is allowed', known(50, 50), true, undefined],
  ['one more is not', known(100, 101), true, '50.2 % of the rows failed, maxErrorPercent is 50'],
  ['rejected lines count once their group has its verdicts', known(100, 0, 900), false, undefined],
])('maxErrorPercent: %s', (_, so, isComplete, reason) => {
  expect(tooManyFailures({ maxErrorPercent: 50 }, so, isComplete)).toBe(reason);
});

it.each([
  ['no failure with maxErrors 0', 0, known(5, 0), undefined],
  ['one with maxErrors 0', 0, known(5, 1), '1 row failed, maxErrors is 0'],
  ['as many as allowed', 3, known(0, 3), undefined],
  ['rejected lines at once', 3, known(0, 0, 4), '4 rows failed, maxErrors is 3'],
])('maxErrors: %s', (_, maxErrors, so, reason) => {
  expect(tooManyFailures({ maxErrors }, so)).toBe(reason);
});
