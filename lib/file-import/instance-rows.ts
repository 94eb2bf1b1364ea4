import type { ServiceNowRecord } from '../servicenow/answers.ts';
import type { CallContext, ServiceNowClient } from '../servicenow/call.ts';
import { listPages } from '../servicenow/pages.ts';
import { listRecords } from '../servicenow/records.ts';

/** A record as the Table API gives it without display values and links: every value is text. */
export type InstanceRow = Readonly<Record<string, string>>;

/** Which records of a table, and what of them. */
export type RowQuery = {
  readonly table: string;
  /** Encoded query. */
  readonly query: string;
  readonly fields: readonly string[];
  readonly limit: number;
  /** `all` adds `<field>.display_value` next to each field. */
  readonly displayValues?: boolean;
};

/**
 * One page of a table.
 * @throws ServiceNowError
 */
export async function listRows(
  client: ServiceNowClient,
  query: RowQuery,
  context: CallContext,
): Promise<InstanceRow[]> {
  const { records } = await listRecords(client, { ...optionsOf(query), noCount: true }, context);
  return records.map(flatten);
}

/**
 * One page of a table, and how many rows the instance holds for the query, those included that access rules hide from
 * the user (docs/servicenow-contract.md 1.4).
 * @throws ServiceNowError
 */
export async function listCounted(
  client: ServiceNowClient,
  query: RowQuery,
  context: CallContext,
): Promise<{ readonly rows: InstanceRow[]; readonly total: number }> {
  const { records, totalCount } = await listRecords(client, optionsOf(query), context);
  return { rows: records.map(flatten), total: totalCount ?? records.length };
}

function optionsOf(query: RowQuery) {
  return {
    table: query.table,
    query: query.query,
    fields: query.fields,
    limit: query.limit,
    displayValue: query.displayValues ? 'all' : 'false',
    excludeReferenceLink: true,
    suppressPaginationHeader: true,
  } as const;
}

/** Every record of a query, a page at a time, by ascending sys_id. @throws ServiceNowError */
export async function* pageRows(
  client: ServiceNowClient,
  query: RowQuery,
  context: CallContext,
): AsyncGenerator<InstanceRow[]> {
  const { limit: pageSize, suppressPaginationHeader: _, ...options } = optionsOf(query);
  for await (const { records } of listPages(client, { ...options, pageSize }, context))
    yield records.map(flatten);
}

function flatten(record: ServiceNowRecord): InstanceRow {
  const row: Record<string, string> = {};
  for (const [name, value] of Object.entries(record)) {
    if (value === null || typeof value === 'string') row[name] = value ?? '';
    else {
      row[name] = value['value'] ?? '';
      row[`${name}.display_value`] = value['display_value'] ?? '';
    }
  }
  return row;
}

/** Ids or keys that one query names: 35 characters each, comma included, in a URL that may have about 8,000 (docs/servicenow-contract.md 1.4). */
export const namedAtOnce = 200;

/** Names in pieces that one query each can carry. */
export function batchesOf(names: readonly string[]): string[][] {
  const batches: string[][] = [];
  for (let at = 0; at < names.length; at += namedAtOnce) batches.push(names.slice(at, at + namedAtOnce));
  return batches;
}
