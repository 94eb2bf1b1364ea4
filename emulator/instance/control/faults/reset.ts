import { defineFault } from '../fault.ts';

/** The connection is reset before the instance did anything. */
export const resetBeforeCommit = defineFault(
  'reset-before-commit',
  (z) => z.strictObject({}),
  () => ({
    // The status is never seen: nothing of the answer is delivered.
    edge: () => ({ status: 500, bare: true }),
    delivery: { kind: 'reset' },
  }),
);

/** The work is done and stays done, and the connection is reset instead of an answer. */
export const resetAfterCommit = defineFault(
  'reset-after-commit',
  (z) => z.strictObject({}),
  () => ({
    delivery: { kind: 'reset' },
  }),
);
