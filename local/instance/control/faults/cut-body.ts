import * as z from 'zod';
import { defineFault } from '../fault.ts';

const parameters = z.object({ afterBytes: z.number().int().nonnegative().default(10) });

/** `{ afterBytes? }`: the work is done; the answer arrives whole as HTTP, but its JSON stops early (KB0778443). */
export const cutBody = defineFault('cut-body', parameters, ({ afterBytes }) => ({
  after: ({ json, bytes, ...answer }) => ({
    ...answer,
    headers: { 'Content-Type': 'application/json;charset=UTF-8', ...answer.headers },
    bytes: (bytes ?? Buffer.from(JSON.stringify(json) ?? '')).subarray(0, afterBytes),
  }),
}));
