import * as z from 'zod/mini';
import { type RecordOptions, recordParameters, sysparms } from './read-options.ts';
import type { CallContext, Repeatable, ServiceNowClient, ServiceNowResponse } from './request.ts';
import { readResult, recordSchema, type ServiceNowRecord } from './result.ts';
import { type ApiVersion, checkSysId, tablePath } from './url.ts';

/** Values of a record to write, by column name. `''` clears a column, an absent one is left alone. */
export type RecordValues = Readonly<Record<string, unknown>>;

export type ListOptions = RecordOptions & {
  readonly table: string;
  readonly version?: ApiVersion | undefined;
  /** An encoded query (see `encoded-query.ts`); may carry ORDERBY. */
  readonly query?: string | undefined;
  /** Equality filters in place of `query`; not both. */
  readonly pairs?: Readonly<Record<string, string>> | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
  readonly queryCategory?: string | undefined;
  readonly noCount?: boolean | undefined;
  readonly suppressPaginationHeader?: boolean | undefined;
};

export type GetOptions = RecordOptions & {
  readonly table: string;
  readonly sysId: string;
  readonly version?: ApiVersion | undefined;
};

export type WriteOptions = RecordOptions & {
  readonly table: string;
  readonly record: RecordValues;
  readonly version?: ApiVersion | undefined;
  /** Values are display values: references by name, choices by label, dates in the user's zone. */
  readonly inputDisplayValue?: boolean | undefined;
};

export type UpdateOptions = WriteOptions & {
  readonly sysId: string;
  /** PUT has the same effect as PATCH (contract 1.6). @default 'PATCH' */
  readonly method?: 'PUT' | 'PATCH' | undefined;
};

/** A list, and ServiceNow's answer as it came. */
export type ListAnswer = {
  readonly records: readonly ServiceNowRecord[];
  /** What the instance holds for the query, blind to access controls; undefined when not counted. */
  readonly totalCount: number | undefined;
  readonly response: ServiceNowResponse;
};

/** One record, and ServiceNow's answer as it came. `record` is undefined when a write may not read back what it wrote. */
export type RecordAnswer = {
  readonly record: ServiceNowRecord | undefined;
  readonly response: ServiceNowResponse;
};

/** `GET /table/{table}` @throws ServiceNowError and its kin */
export async function listRecords(
  client: ServiceNowClient,
  options: ListOptions,
  context: CallContext,
): Promise<ListAnswer> {
  const path = tablePath(options.table, undefined, options.version);
  const query = sysparms(
    {
      query: options.query,
      ...recordParameters(options),
      query_category: options.queryCategory,
      no_count: options.noCount,
      suppress_pagination_header: options.suppressPaginationHeader,
      limit: options.limit,
      offset: options.offset,
    },
    options.pairs,
  );
  const response = await client.send({ method: 'GET', path, query, repeatable: 'idempotent' }, context);
  const total = response.headers['x-total-count'];
  const records = readResult(z.array(recordSchema), response, 'GET', path);
  return { records, totalCount: total === undefined ? undefined : Number(total), response };
}

/** `GET /table/{table}/{sysId}` @throws RecordNotFoundError, ServiceNowError and its kin */
export async function getRecord(
  client: ServiceNowClient,
  options: GetOptions,
  context: CallContext,
): Promise<RecordAnswer> {
  const path = tablePath(options.table, options.sysId, options.version);
  const query = sysparms(recordParameters(options));
  const response = await client.send({ method: 'GET', path, query, repeatable: 'idempotent' }, context);
  return { record: readResult(recordSchema, response, 'GET', path), response };
}

/**
 * `POST /table/{table}`. With a `sys_id` in the record a second copy is refused by the instance (contract 1.6), so the call
 * is then repeated when its outcome is unknown; without one it is sent once.
 * @throws InsertRefusedError when the sys_id exists, UnknownOutcomeError, ServiceNowError and its kin
 */
export async function createRecord(
  client: ServiceNowClient,
  options: WriteOptions,
  context: CallContext,
): Promise<RecordAnswer> {
  const path = tablePath(options.table, undefined, options.version);
  const query = sysparms({ ...recordParameters(options), input_display_value: options.inputDisplayValue });
  const keyed = typeof options.record['sys_id'] === 'string' && options.record['sys_id'] !== '';
  const repeatable: Repeatable = keyed ? 'keyed' : 'never';
  const response = await client.send(
    { method: 'POST', path, query, body: options.record, repeatable },
    context,
  );
  return { record: writtenRecord(response, 'POST', path), response };
}

/** Columns whose every write adds an entry: writing them twice is not the same as once. */
export const journalColumns: readonly string[] = ['work_notes', 'comments', 'comments_and_work_notes'];

/**
 * `PATCH` (or `PUT`) `/table/{table}/{sysId}`; repeated when its outcome is unknown, unless the record has journal columns.
 * @throws RecordNotFoundError, UnknownOutcomeError, ServiceNowError and its kin
 */
export async function updateRecord(
  client: ServiceNowClient,
  options: UpdateOptions,
  context: CallContext,
): Promise<RecordAnswer> {
  const { method = 'PATCH', record } = options;
  const path = tablePath(options.table, options.sysId, options.version);
  const query = sysparms({ ...recordParameters(options), input_display_value: options.inputDisplayValue });
  const repeatable: Repeatable = writesJournal(record) ? 'never' : 'idempotent';
  const response = await client.send({ method, path, query, body: record, repeatable }, context);
  return { record: writtenRecord(response, method, path), response };
}

/** `DELETE /table/{table}/{sysId}` @throws RecordNotFoundError, ServiceNowError and its kin */
export async function deleteRecord(
  client: ServiceNowClient,
  options: {
    readonly table: string;
    readonly sysId: string;
    readonly version?: ApiVersion | undefined;
    readonly queryNoDomain?: boolean | undefined;
  },
  context: CallContext,
): Promise<ServiceNowResponse> {
  const path = tablePath(options.table, checkSysId(options.sysId), options.version);
  const query = sysparms({ query_no_domain: options.queryNoDomain });
  return client.send({ method: 'DELETE', path, query, repeatable: 'idempotent' }, context);
}

/** True when writing these values twice would add two journal entries. */
export function writesJournal(record: RecordValues): boolean {
  return writtenJournalColumns(record).length > 0;
}

/** The journal columns that these values add an entry to. */
export function writtenJournalColumns(record: RecordValues): readonly string[] {
  return journalColumns.filter((column) => (record[column] ?? '') !== '');
}

function writtenRecord(response: ServiceNowResponse, method: 'POST' | 'PUT' | 'PATCH', path: string) {
  return response.body === undefined ? undefined : readResult(recordSchema, response, method, path);
}
