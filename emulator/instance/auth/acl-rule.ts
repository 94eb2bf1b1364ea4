import type * as z from 'zod';
import { lazySchema } from '../lazy-schema.ts';

/** An access control rule as it is asked for. */
export const aclRuleSchema = lazySchema((z) =>
  z.strictObject({
    /** A table; the rule holds for the tables below it too, unless these have rules of their own. */
    table: z.string(),
    /** `rest` is the API-level ACL: without it no call on the table is let in at all. */
    operation: z.enum(['read', 'write', 'create', 'delete', 'rest']),
    /** Only this column, for `read` and `write`. */
    field: z.string().exactOptional(),
    /** Any of these roles; an empty list lets nobody but admin pass. Anybody when left out. */
    roles: z.array(z.string()).exactOptional(),
    /** The rule passes only on rows that hold these values; `{user}` stands for the caller's sys_id. */
    where: z.record(z.string(), z.string()).exactOptional(),
  }),
);

export type AclRule = z.output<ReturnType<typeof aclRuleSchema>>;
