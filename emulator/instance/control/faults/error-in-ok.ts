import type { Answer } from '../../http/exchange.ts';
import { jsonOf } from '../../http/respond.ts';
import type { Zod } from '../../lazy-schema.ts';
import { defineFault } from '../fault.ts';

const parameters = (z: Zod) =>
  z.strictObject({
    message: z.string().default('Transaction cancelled: maximum execution time exceeded'),
    detail: z
      .string()
      .default('Transaction cancelled: maximum execution time exceeded Check logs for error trace'),
  });

/**
 * `{ message?, detail? }`: the 200 of a list that ran into its quota, with the first half of the rows and an
 * `error` beside them. A single record loses nothing but still carries the error.
 */
export const errorInOk = defineFault('error-in-ok', parameters, (fault) => ({
  after(answer) {
    return { ...answer, status: 200, json: { ...halved(answer), error: fault, status: 'failure' } };
  },
}));

function halved(answer: Answer): { result: unknown } {
  const body = jsonOf(answer);
  const result = typeof body === 'object' && body !== null && 'result' in body ? body.result : [];
  return { result: Array.isArray(result) ? result.slice(0, Math.floor(result.length / 2)) : result };
}
