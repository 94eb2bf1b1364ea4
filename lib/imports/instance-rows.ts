import * as z from 'zod/mini';
import type { CallContext, ServiceNowClient } from '../servicenow/request.ts';

/** A record as the Table API gives it without display values and links: every value is text. */
export type InstanceRow = Readonly<Record<string, string>>;

/** Which records of a table, and what of them. */
export type RowQuery = {
  readonly table: string;
  /** Encoded query. */
  readonly query: string;
  readonly fields: readonly string[];
  readonly limit: number;
  /** `all` adds `<field>.display_value` beside each field. */
  readonly displayValues?: boolean;
};

const cell = z.union([
  z.string(),
  z.object({ value: z.nullish(z.string()), display_value: z.nullish(z.string()) }),
]);
const listSchema = z.object({ result: z.array(z.record(z.string(), z.nullable(cell))) });

/**
 * One page of a table.
 * @throws ServiceNowError
 */
export async function listRows(client: ServiceNowClient, query: RowQuery, context: CallContext): Promise<InstanceRow[]> {
  const parameters = new URLSearchParams({
    sysparm_query: query.query,
    sysparm_fields: query.fields.join(','),
    sysparm_limit: String(query.limit),
    sysparm_exclude_reference_link: 'true',
    sysparm_no_count: 'true',
    sysparm_suppress_pagination_header: 'true',
    ...(query.displayValues ? { sysparm_display_value: 'all' } : {}),
  });
  const path = `/api/now/table/${query.table}`;
  const answer = await client.send({ method: 'GET', path, query: parameters, repeatable: 'idempotent' }, context);
  return listSchema.parse(answer.body).result.map(flatten);
}

/**
 * Every record of a query, a page at a time, by ascending sys_id: a page that access rules made short or empty is
 * not the end, only a page without rows is.
 */
export async function* pageRows(
  client: ServiceNowClient,
  query: RowQuery,
  context: CallContext,
): AsyncGenerator<InstanceRow[]> {
  let after = '';
  for (;;) {
    const beyond = after === '' ? '' : `^sys_id>${after}`;
    const page = await listRows(client, { ...query, query: `${query.query}${beyond}^ORDERBYsys_id` }, context);
    const last = page.at(-1)?.['sys_id'];
    if (last === undefined) return;
    yield page;
    after = last;
  }
}

type Cells = z.infer<typeof listSchema>['result'][number];

function flatten(record: Cells): InstanceRow {
  const row: Record<string, string> = {};
  for (const [name, value] of Object.entries(record)) {
    if (value === null || typeof value === 'string') row[name] = value ?? '';
    else {
      row[name] = value.value ?? '';
      row[`${name}.display_value`] = value.display_value ?? '';
    }
  }
  return row;
}
