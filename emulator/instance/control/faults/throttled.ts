import type { Zod } from '../../lazy-schema.ts';
import { defineFault } from '../fault.ts';

const parameters = (z: Zod) => z.strictObject({ retryAfterS: z.number().int().nonnegative().optional() });

/** `{ retryAfterS? }`: a 429 without rate-limit headers, bare as from a full semaphore unless `retryAfterS` is given. */
export const throttled = defineFault('throttled', parameters, (fault) => ({
  before: () => ({
    status: 429,
    ...(fault.retryAfterS === undefined ? {} : { headers: { 'Retry-After': String(fault.retryAfterS) } }),
  }),
}));
