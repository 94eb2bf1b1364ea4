import type { Answer } from '../../http/exchange.ts';
import { defineFault } from '../fault.ts';

/** 500 before the work is done. */
export const serverError = defineFault(
  'server-error',
  (z) => z.strictObject({}),
  () => ({
    before: () => internalError,
  }),
);

/** The work is done and stays done, and the caller is told 500. */
export const errorAfterCommit = defineFault(
  'error-after-commit',
  (z) => z.strictObject({}),
  () => ({
    after: () => internalError,
  }),
);

const internalError: Answer = {
  status: 500,
  json: {
    error: {
      message: 'Transaction cancelled',
      detail:
        'Check logs for error trace or enable glide.rest.debug property to verify REST request processing',
    },
    status: 'failure',
  },
};
