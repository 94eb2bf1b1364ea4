import * as z from 'zod/mini';
import { readResult } from './answers.ts';
import type { CallOptions, ServiceNowClient, ServiceNowRequest, ServiceNowResponse } from './call.ts';
import type { EncodedQuery } from './encoded-query.ts';
import { checkTableName } from './names.ts';
import { apiPath, buildRequest, type DisplayValue, type RequestOptions } from './requests.ts';

export type AggregateOptions = RequestOptions & {
  readonly table: string;
  readonly query?: EncodedQuery | string | undefined;
  readonly pairs?: Readonly<Record<string, string>> | undefined;
  readonly count?: boolean | undefined;
  readonly avgFields?: readonly string[] | undefined;
  readonly minFields?: readonly string[] | undefined;
  readonly maxFields?: readonly string[] | undefined;
  readonly sumFields?: readonly string[] | undefined;
  readonly groupBy?: readonly string[] | undefined;
  /** A column, `COUNT` or `AVG^column`, each with `^DESC` if wanted. */
  readonly orderBy?: string | undefined;
  /** `count^state^>^3`; a comma between several. */
  readonly having?: string | undefined;
  readonly displayValue?: DisplayValue | undefined;
};

/** `GET /stats/{table}` */
export function aggregateRequest(options: AggregateOptions): ServiceNowRequest {
  return buildRequest(
    'GET',
    apiPath(options.version, 'stats', checkTableName(options.table)),
    'read',
    options,
    {
      query: options.query?.toString(),
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
  );
}

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

/** Figures as strings, averages with four decimals (docs/servicenow-contract.md 3); `groupby_fields` when grouped. */
type AggregateGroup = z.infer<typeof group>;

/** One group when nothing is grouped by, else one per value; and ServiceNow's answer as it came. */
export type AggregateAnswer = {
  readonly groups: readonly AggregateGroup[];
  readonly response: ServiceNowResponse;
};

/** Counts, averages, minima, maxima and sums of a table, grouped or not. @throws ServiceNowError */
export async function aggregate(
  client: ServiceNowClient,
  options: AggregateOptions,
  context?: CallOptions,
): Promise<AggregateAnswer> {
  const request = aggregateRequest(options);
  const response = await client.send(request, context);
  const result = readResult(z.union([z.array(group), group]), response, request);
  return { groups: Array.isArray(result) ? result : [result], response };
}
