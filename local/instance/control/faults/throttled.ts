import * as z from 'zod';
import { defineFault } from '../fault.ts';

const parameters = z.strictObject({ retryAfterS: z.number().int().nonnegative().optional() });

/** `{ retryAfterS? }`: a 429 without rate-limit headers, bare as from a full semaphore unless `retryAfterS` is given. */
export const throttled = defineFault('throttled', parameters, (fault) => ({
  before: () => ({
    status: 429,
    ...(fault.retryAfterS === undefined ? {} : { headers: { 'Retry-After': String(fault.retryAfterS) } }),
  }),
}));
