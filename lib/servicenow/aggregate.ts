import * as z from 'zod/mini';
import { type DisplayValue, sysparms } from './read-options.ts';
import type { CallContext, ServiceNowClient, ServiceNowResponse } from './request.ts';
import { readResult } from './result.ts';
import { type ApiVersion, statsPath } from './url.ts';

export type AggregateOptions = {
  readonly table: string;
  readonly version?: ApiVersion | undefined;
  readonly query?: string | undefined;
  /** Equality filters in place of `query`; not both. */
  readonly pairs?: Readonly<Record<string, string>> | undefined;
  readonly count?: boolean | undefined;
  readonly avgFields?: readonly string[] | undefined;
  readonly minFields?: readonly string[] | undefined;
  readonly maxFields?: readonly string[] | undefined;
  readonly sumFields?: readonly string[] | undefined;
  readonly groupBy?: readonly string[] | undefined;
  /** A column, `COUNT` or `AVG^column`, each with `^DESC` at will. */
  readonly orderBy?: string | undefined;
  /** `count^state^>^3`; a comma between several. */
  readonly having?: string | undefined;
  readonly displayValue?: DisplayValue | undefined;
};

const perField = z.record(z.string(), z.string());
const stats = z.object({
  count: z.optional(z.string()),
  avg: z.optional(perField),
  min: z.optional(perField),
  max: z.optional(perField),
  sum: z.optional(perField),
});
const groupField = z.object({
  field: z.string(),
  value: z.nullable(z.string()),
  display_value: z.optional(z.nullable(z.string())),
});
const group = z.object({ stats, groupby_fields: z.optional(z.array(groupField)) });

/** Figures as strings, averages with four decimals (contract 3); `groupby_fields` when grouped. */
type AggregateGroup = z.infer<typeof group>;

/** One group when nothing is grouped by, else one per value; and ServiceNow's answer as it came. */
export type AggregateAnswer = {
  readonly groups: readonly AggregateGroup[];
  readonly response: ServiceNowResponse;
};

/** `GET /stats/{table}` @throws ServiceNowError and its kin */
export async function aggregate(
  client: ServiceNowClient,
  options: AggregateOptions,
  context: CallContext,
): Promise<AggregateAnswer> {
  const path = statsPath(options.table, options.version);
  const query = sysparms(
    {
      query: options.query,
      count: options.count,
      avg_fields: options.avgFields,
      min_fields: options.minFields,
      max_fields: options.maxFields,
      sum_fields: options.sumFields,
      group_by: options.groupBy,
      order_by: options.orderBy,
      having: options.having,
      display_value: options.displayValue,
    },
    options.pairs,
  );
  const response = await client.send({ method: 'GET', path, query, repeatable: 'idempotent' }, context);
  const result = readResult(z.union([z.array(group), group]), response, 'GET', path);
  return { groups: Array.isArray(result) ? result : [result], response };
}
