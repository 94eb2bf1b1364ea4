import type { Zod } from '../../lazy-schema.ts';
import { defineFault } from '../fault.ts';

const parameters = (z: Zod) =>
  z.strictObject({
    status: z.number().int().min(200).max(599),
    headers: z.record(z.string(), z.string()).exactOptional(),
    json: z.unknown().optional(),
    /** In place of `json`: the body as it is. */
    text: z.string().optional(),
    /** The work is done first, and stays done. */
    afterCommit: z.boolean().default(false),
  });

/** `{ status, json? | text?, headers?, afterCommit? }`: any answer whatever, instead of the work or after it. */
export const answerInstead = defineFault(
  'answer',
  parameters,
  ({ status, headers, json, text, afterCommit }) => {
    const body = text === undefined ? { json } : { bytes: Buffer.from(text) };
    const answer = { status, ...body, ...(headers && { headers }) };
    return afterCommit ? { after: () => answer } : { before: () => answer };
  },
);
