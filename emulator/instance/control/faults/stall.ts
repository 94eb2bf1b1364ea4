import type { Zod } from '../../lazy-schema.ts';
import { defineFault } from '../fault.ts';

const parameters = (z: Zod) =>
  z.strictObject({
    afterBytes: z.number().int().nonnegative().default(10),
    stallMs: z.number().nonnegative().default(3_600_000),
  });

/** `{ afterBytes?, stallMs? }`: the work is done; the body stops after so many bytes for `stallMs` (an hour). */
export const stall = defineFault('stall', parameters, (fault) => ({ delivery: { kind: 'stall', ...fault } }));
