import { expect, it } from 'vitest';
import { emptyTally } from '../../../lib/file-import/load/row-outcome.ts';
import { tooManyFailures } from '../../../lib/file-import/state.ts';

const known = (inserted: number, error: number, rejected = 0) => ({
  tally: { ...emptyTally(), inserted, error },
  rejected,
});

it.each([
  ['a few that failed are not the whole file', known(0, 100), 1_000, false, undefined],
  ['as many as are allowed of the whole file', known(0, 500), 1_000, false, undefined],
  [
    'one more, whatever the others are like',
    known(0, 501),
    1_000,
    false,
    'at least 50.1 % of the rows failed, maxErrorPercent is 50',
  ],
  [
    'rejected lines as any other',
    known(0, 1, 500),
    1_000,
    false,
    'at least 50.1 % of the rows failed, maxErrorPercent is 50',
  ],
  ['exactly the limit is allowed', known(50, 50), 100, true, undefined],
  ['one more is not', known(100, 101), 201, true, '50.2 % of the rows failed, maxErrorPercent is 50'],
  ['a file without lines', known(0, 0), 0, true, undefined],
])('maxErrorPercent: %s', (_, so, lines, isComplete, reason) => {
  expect(tooManyFailures({ maxErrorPercent: 50 }, so, lines, isComplete)).toBe(reason);
});

it.each([
  ['no failure with maxErrors 0', 0, known(5, 0), undefined],
  ['one with maxErrors 0', 0, known(5, 1), '1 row failed, maxErrors is 0'],
  ['as many as allowed', 3, known(0, 3), undefined],
  ['rejected lines at once', 3, known(0, 0, 4), '4 rows failed, maxErrors is 3'],
])('maxErrors: %s', (_, maxErrors, so, reason) => {
  expect(tooManyFailures({ maxErrors }, so, 1_000)).toBe(reason);
});
