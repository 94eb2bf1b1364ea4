import type { Zod } from '../../lazy-schema.ts';
import { defineFault } from '../fault.ts';

const parameters = (z: Zod) => z.strictObject({ afterBytes: z.number().int().nonnegative().default(10) });

/** `{ afterBytes? }`: the work is done; the connection goes after so many bytes of a longer body. */
export const truncate = defineFault('truncate', parameters, (fault) => ({
  delivery: { kind: 'truncate', ...fault },
}));
