import type { Answer } from '../../http/exchange.ts';
import type { Zod } from '../../lazy-schema.ts';
import { defineFault } from '../fault.ts';

const parameters = (z: Zod) => z.strictObject({ afterBytes: z.number().int().nonnegative().default(10) });

/** `{ afterBytes? }`: the work is done; the answer arrives whole as HTTP, but its JSON stops early (KB0778443). */
export const cutBody = defineFault('cut-body', parameters, ({ afterBytes }) => ({
  after: ({ status, headers, ...body }) => ({
    status,
    headers: { 'Content-Type': 'application/json;charset=UTF-8', ...headers },
    bytes: written({ status, ...body }).subarray(0, afterBytes),
  }),
}));

function written({ json, jsonBytes, bytes }: Answer): Buffer {
  if (bytes) return bytes;
  return json === undefined ? Buffer.concat(jsonBytes ?? []) : Buffer.from(JSON.stringify(json));
}
