import * as z from 'zod/mini';
import { readResult, recordSchema, type ServiceNowRecord } from './answers.ts';
import type { CallOptions, ServiceNowClient, ServiceNowRequest, ServiceNowResponse } from './call.ts';
import type { EncodedQuery } from './encoded-query.ts';
import { checkSysId, checkTableName } from './names.ts';
import { apiPath, buildRequest, type DisplayValue, type RequestOptions, type Sysparm } from './requests.ts';

/** Parameters of most Table API calls (docs/servicenow-contract.md 1.2). An absent one is not sent. */
export type RecordOptions = RequestOptions & {
  readonly table: string;
  readonly displayValue?: DisplayValue | undefined;
  readonly excludeReferenceLink?: boolean | undefined;
  /** Columns to return; dot-walking allowed (`caller_id.name`). */
  readonly fields?: readonly string[] | undefined;
  /** A UI view whose columns are returned; `fields` wins over it. */
  readonly view?: string | undefined;
  /** Across domains; needs admin or the role `query_no_domain_table_api`. */
  readonly queryNoDomain?: boolean | undefined;
};

export type ListOptions = RecordOptions & {
  /** Built with `encodedQuery()`, or an encoded query as text; may carry ORDERBY. */
  readonly query?: EncodedQuery | string | undefined;
  /** Equality filters instead of `query`; not both. */
  readonly pairs?: Readonly<Record<string, string>> | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
  readonly queryCategory?: string | undefined;
  readonly noCount?: boolean | undefined;
  readonly suppressPaginationHeader?: boolean | undefined;
};

export type GetOptions = RecordOptions & { readonly sysId: string };

/** Values of a record to write, by column name. `''` clears a column, an absent one is left alone. */
export type RecordValues = Readonly<Record<string, unknown>>;

export type CreateOptions = RecordOptions & {
  readonly record: RecordValues;
  /** Values are display values: references by name, choices by label, dates in the user's zone. */
  readonly inputDisplayValue?: boolean | undefined;
};

export type UpdateOptions = CreateOptions & {
  readonly sysId: string;
  /** PUT has the same effect as PATCH (docs/servicenow-contract.md 1.6). @default 'PATCH' */
  readonly method?: 'PUT' | 'PATCH' | undefined;
};

export type DeleteOptions = RequestOptions & {
  readonly table: string;
  readonly sysId: string;
  readonly queryNoDomain?: boolean | undefined;
};

/** `GET /table/{table}` */
export function listRequest(options: ListOptions): ServiceNowRequest {
  return buildRequest(
    'GET',
    apiPath(options.version, 'table', checkTableName(options.table)),
    'read',
    options,
    {
      query: options.query?.toString(),
      ...recordParameters(options),
      query_category: options.queryCategory,
      no_count: options.noCount,
      suppress_pagination_header: options.suppressPaginationHeader,
      limit: options.limit,
      offset: options.offset,
    },
  );
}

/** `GET /table/{table}/{sysId}` */
export function getRequest(options: GetOptions): ServiceNowRequest {
  return buildRequest('GET', recordPath(options), 'read', options, recordParameters(options));
}

/** `POST /table/{table}`. A record with its own `sys_id` can be repeated: the instance refuses the second copy. */
export function createRequest(options: CreateOptions): ServiceNowRequest {
  const { record, inputDisplayValue } = options;
  const path = apiPath(options.version, 'table', checkTableName(options.table));
  const isKeyed = typeof record['sys_id'] === 'string' && record['sys_id'] !== '';
  const parameters = { ...recordParameters(options), input_display_value: inputDisplayValue };
  return buildRequest('POST', path, isKeyed ? 'keyed' : 'never', options, parameters, record);
}

/** `PATCH` or `PUT` `/table/{table}/{sysId}` */
export function updateRequest(options: UpdateOptions): ServiceNowRequest {
  const { method = 'PATCH', record, inputDisplayValue } = options;
  const parameters = { ...recordParameters(options), input_display_value: inputDisplayValue };
  return buildRequest(method, recordPath(options), 'never', options, parameters, record);
}

/** `DELETE /table/{table}/{sysId}` */
export function deleteRequest(options: DeleteOptions): ServiceNowRequest {
  return buildRequest('DELETE', recordPath(options), 'never', options, {
    query_no_domain: options.queryNoDomain,
  });
}

/** A list, and ServiceNow's answer as it came. */
export type ListAnswer = {
  readonly records: readonly ServiceNowRecord[];
  /** What the instance holds for the query, including rows that access controls hide; undefined when not counted. */
  readonly totalCount: number | undefined;
  readonly response: ServiceNowResponse;
};

/** One record, and ServiceNow's answer as it came. */
export type RecordAnswer = { readonly record: ServiceNowRecord; readonly response: ServiceNowResponse };

/** What was written, and ServiceNow's answer as it came. `record` is undefined when the user may not read back what was written. */
export type WriteAnswer = {
  readonly record: ServiceNowRecord | undefined;
  readonly response: ServiceNowResponse;
};

/**
 * One page of a table; `listAll` in `pages.ts` gives all of them.
 * @throws ServiceNowError
 * @example const { records } = await listRecords(client, { table: 'incident', limit: 10 });
 */
export async function listRecords(
  client: ServiceNowClient,
  options: ListOptions,
  context?: CallOptions,
): Promise<ListAnswer> {
  const request = listRequest(options);
  const response = await client.send(request, context);
  const total = response.headers['x-total-count'];
  const records = readResult(z.array(recordSchema), response, request);
  return { records, totalCount: total === undefined ? undefined : Number(total), response };
}

/**
 * One record by its sys_id.
 * @throws RecordNotFoundError when there is none or the user may not see it; any other ServiceNowError
 */
export async function getRecord(
  client: ServiceNowClient,
  options: GetOptions,
  context?: CallOptions,
): Promise<RecordAnswer> {
  const request = getRequest(options);
  const response = await client.send(request, context);
  return { record: readResult(recordSchema, response, request), response };
}

/**
 * Creates a record. With a `sys_id` in it the instance refuses a second copy (docs/servicenow-contract.md 1.6), so that the
 * call is repeated when its answer was lost; without one it is sent once.
 * @throws InsertRefusedError when the sys_id exists; UnknownOutcomeError; any other ServiceNowError
 */
export async function createRecord(
  client: ServiceNowClient,
  options: CreateOptions,
  context?: CallOptions,
): Promise<WriteAnswer> {
  return write(client, createRequest(options), context);
}

/**
 * Updates the given columns of a record. Sent once: after a lost answer the first copy may still be running.
 * @throws RecordNotFoundError, UnknownOutcomeError, any other ServiceNowError
 */
export async function updateRecord(
  client: ServiceNowClient,
  options: UpdateOptions,
  context?: CallOptions,
): Promise<WriteAnswer> {
  return write(client, updateRequest(options), context);
}

/** Deletes a record. @throws RecordNotFoundError, UnknownOutcomeError, any other ServiceNowError */
export async function deleteRecord(
  client: ServiceNowClient,
  options: DeleteOptions,
  context?: CallOptions,
): Promise<ServiceNowResponse> {
  return client.send(deleteRequest(options), context);
}

async function write(
  client: ServiceNowClient,
  request: ServiceNowRequest,
  context: CallOptions | undefined,
): Promise<WriteAnswer> {
  const response = await client.send(request, context);
  const record = response.body === undefined ? undefined : readResult(recordSchema, response, request);
  return { record, response };
}

/** Columns of a task whose every write adds an entry: writing them twice is not the same as once. */
export const journalColumns: readonly string[] = ['work_notes', 'comments', 'comments_and_work_notes'];

/** How tables and columns begin that a customer or an application has added. */
const addedName = /^(?:u|x|sn)_/i;

/** False for a column that is known to be no journal without asking the instance. */
export function mayBeJournal(table: string, column: string): boolean {
  return journalColumns.includes(column) || addedName.test(column) || addedName.test(table);
}

function recordParameters(options: RecordOptions): Readonly<Record<string, Sysparm>> {
  return {
    display_value: options.displayValue,
    exclude_reference_link: options.excludeReferenceLink,
    fields: options.fields,
    view: options.view,
    query_no_domain: options.queryNoDomain,
  };
}

function recordPath({
  table,
  sysId,
  version,
}: RequestOptions & { readonly table: string; readonly sysId: string }) {
  return apiPath(version, 'table', checkTableName(table), checkSysId(sysId));
}
