import { createHash } from 'node:crypto';
import { InvalidInputError } from '../core/errors.ts';
import type { Method, Repeatable, ServiceNowRequest } from './call.ts';
import type { EncodedQuery } from './encoded-query.ts';
import { type ApiVersion, checkSysId, checkTableName } from './names.ts';

/**
 * The only place where requests to ServiceNow are made, and where `repeatable` is decided. Pure: nothing is sent. Every
 * builder checks the names that go into a path. @throws InvalidInputError naming the field
 */

/** What every builder takes. */
type Common = {
  readonly version?: ApiVersion | undefined;
  /** Further query parameters by ServiceNow's own names, e.g. `sysparm_fields`. */
  readonly parameters?: URLSearchParams | undefined;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

/** `false`: values as stored; `true`: as shown to the user; `all`: both (docs/servicenow-contract.md 1.3). */
export type DisplayValue = 'true' | 'false' | 'all';

/** Parameters of most Table API calls (docs/servicenow-contract.md 1.2). An absent one is not sent. */
export type RecordOptions = Common & {
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

export type DeleteOptions = Common & {
  readonly table: string;
  readonly sysId: string;
  readonly queryNoDomain?: boolean | undefined;
};

export type AggregateOptions = Common & {
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

/** `GET /table/{table}` */
export function listRequest(options: ListOptions): ServiceNowRequest {
  return build('GET', pathOf(options.version, 'table', checkTableName(options.table)), 'read', options, {
    query: options.query?.toString(),
    ...recordParameters(options),
    query_category: options.queryCategory,
    no_count: options.noCount,
    suppress_pagination_header: options.suppressPaginationHeader,
    limit: options.limit,
    offset: options.offset,
  });
}

/** `GET /table/{table}/{sysId}` */
export function getRequest(options: GetOptions): ServiceNowRequest {
  return build('GET', recordPath(options), 'read', options, recordParameters(options));
}

/** `POST /table/{table}`. A record with its own `sys_id` can be repeated: the instance refuses the second copy. */
export function createRequest(options: CreateOptions): ServiceNowRequest {
  const { record, inputDisplayValue } = options;
  const path = pathOf(options.version, 'table', checkTableName(options.table));
  const isKeyed = typeof record['sys_id'] === 'string' && record['sys_id'] !== '';
  const parameters = { ...recordParameters(options), input_display_value: inputDisplayValue };
  return build('POST', path, isKeyed ? 'keyed' : 'never', options, parameters, record);
}

/** `PATCH` or `PUT` `/table/{table}/{sysId}` */
export function updateRequest(options: UpdateOptions): ServiceNowRequest {
  const { method = 'PATCH', record, inputDisplayValue } = options;
  const parameters = { ...recordParameters(options), input_display_value: inputDisplayValue };
  return build(method, recordPath(options), 'never', options, parameters, record);
}

/** `DELETE /table/{table}/{sysId}` */
export function deleteRequest(options: DeleteOptions): ServiceNowRequest {
  return build('DELETE', recordPath(options), 'never', options, { query_no_domain: options.queryNoDomain });
}

/** `GET /stats/{table}` */
export function aggregateRequest(options: AggregateOptions): ServiceNowRequest {
  return build('GET', pathOf(options.version, 'stats', checkTableName(options.table)), 'read', options, {
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
  });
}

type StagingTable = Common & { readonly stagingTable: string };

/** One row for a staging table: column name to text. ServiceNow would mangle anything but text (docs/servicenow-contract.md 4.1). */
export type StagingRow = RecordValues;

/** `POST /import/{stagingTable}`: one row, transformed at once. */
export function importRowRequest(options: StagingTable & { readonly row: StagingRow }): ServiceNowRequest {
  return build('POST', stagingPath(options), 'never', options, {}, options.row);
}

/** `GET /import/{stagingTable}/{sysId}`: the verdict on a staging row, by the sys_id of that row. */
export function importRowStatusRequest(
  options: StagingTable & { readonly sysId: string },
): ServiceNowRequest {
  return build('GET', stagingPath(options, checkSysId(options.sysId)), 'read', options);
}

export type InsertMultipleOptions = StagingTable & {
  /** The rows, or the whole body `{"records":[…]}` as UTF-8. Keys are column labels, or names where the instance's `sys_rest_insert_multiple` says so. */
  readonly records: readonly StagingRow[] | Uint8Array;
  /** sys_id of a `sys_multi_import_set` that the new set joins. */
  readonly multiImportSetId?: string | undefined;
  /** sys_id of the `sys_import_set` after which this one is transformed. */
  readonly runAfter?: string | undefined;
};

/** `POST /import/{stagingTable}/insertMultiple`: many rows into one import set. */
export function insertMultipleRequest(options: InsertMultipleOptions): ServiceNowRequest {
  const { multiImportSetId, runAfter, records } = options;
  const parameters = new URLSearchParams(options.parameters);
  if (multiImportSetId)
    parameters.set('multi_import_set_id', checkSysId(multiImportSetId, 'multiImportSetId'));
  if (runAfter) parameters.set('run_after', checkSysId(runAfter, 'runAfter'));
  const body = records instanceof Uint8Array ? records : { records };
  return build('POST', stagingPath(options, 'insertMultiple'), 'never', { ...options, parameters }, {}, body);
}

export type ListAttachmentsOptions = Common & {
  readonly query?: EncodedQuery | string | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
};

/** `GET /attachment` */
export function listAttachmentsRequest(options: ListAttachmentsOptions = {}): ServiceNowRequest {
  const { query, limit, offset } = options;
  return build('GET', pathOf(options.version, 'attachment'), 'read', options, {
    query: query?.toString(),
    limit,
    offset,
  });
}

/** `GET /attachment/{sysId}`: the metadata. */
export function attachmentRequest(sysId: string, version?: ApiVersion): ServiceNowRequest {
  return build('GET', pathOf(version, 'attachment', checkSysId(sysId)), 'read');
}

/** `GET /attachment/{sysId}/file`: the bytes. */
export function attachmentFileRequest(sysId: string, version?: ApiVersion): ServiceNowRequest {
  return {
    ...build('GET', pathOf(version, 'attachment', checkSysId(sysId), 'file'), 'read'),
    expects: 'bytes',
  };
}

/** A file for a record. */
export type UploadOptions = Pick<Common, 'version'> & {
  readonly table: string;
  /** The record that it is attached to. */
  readonly sysId: string;
  readonly fileName: string;
  /** A media type, e.g. `text/plain`. */
  readonly contentType: string;
  readonly content: Uint8Array;
  readonly encryptionContext?: string | undefined;
};

/** `POST /attachment/file`: the bytes as the body. */
export function uploadRequest(options: UploadOptions): ServiceNowRequest {
  const parameters = new URLSearchParams(uploadFields(options));
  const headers = { 'content-type': checkMediaType(options.contentType) };
  return build(
    'POST',
    pathOf(options.version, 'attachment', 'file'),
    'never',
    { parameters, headers },
    {},
    options.content,
  );
}

/** `POST /attachment/upload`: the same as multipart/form-data, with the file as its last part (docs/servicenow-contract.md 5). */
export function multipartUploadRequest(options: UploadOptions): ServiceNowRequest {
  const { content, fileName } = options;
  // A hash of the content cannot stand in the content.
  const boundary = `----${createHash('sha256').update(content).update(fileName).digest('hex').slice(0, 40)}`;
  const { file_name: _, ...fields } = uploadFields(options);
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const fileHead = `--${boundary}\r\nContent-Disposition: form-data; name="uploadFile"; filename="${quoted(fileName)}"\r\nContent-Type: ${checkMediaType(options.contentType)}\r\n\r\n`;
  const body = Buffer.concat([
    Buffer.from(parts.join('') + fileHead),
    content,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
  return build('POST', pathOf(options.version, 'attachment', 'upload'), 'never', { headers }, {}, body);
}

/** `PATCH /attachment/{sysId}`: gives the file another name. */
export function renameAttachmentRequest(
  sysId: string,
  fileName: string,
  version?: ApiVersion,
): ServiceNowRequest {
  if (fileName === '') throw new InvalidInputError('fileName', 'must not be empty');
  const path = pathOf(version, 'attachment', checkSysId(sysId));
  return build('PATCH', path, 'never', {}, {}, { file_name: fileName });
}

/** `DELETE /attachment/{sysId}` */
export function deleteAttachmentRequest(sysId: string, version?: ApiVersion): ServiceNowRequest {
  return build('DELETE', pathOf(version, 'attachment', checkSysId(sysId)), 'never');
}

/** `POST /tinyurl`: keeps a long query under a short name. @param url path and query */
export function tinyUrlRequest(url: string): ServiceNowRequest {
  return build('POST', pathOf(undefined, 'tinyurl'), 'never', {}, {}, { url });
}

/** `POST /v1/batch`: as repeatable as the least repeatable of its items. */
export function batchRequest(items: readonly ServiceNowRequest[], batchId: string): ServiceNowRequest {
  const body = { batch_request_id: batchId, rest_requests: items.map(encodeItem) };
  return build('POST', pathOf('v1', 'batch'), weakest(items), {}, {}, body);
}

function encodeItem(item: ServiceNowRequest, index: number) {
  const search = item.query?.toString();
  const headers = { accept: 'application/json', 'content-type': 'application/json', ...item.headers };
  return {
    id: String(index),
    method: item.method,
    url: search ? `${item.path}?${search}` : item.path,
    headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
    ...(item.body === undefined ? {} : { body: toBase64(item.body) }),
  };
}

function toBase64(body: unknown): string {
  return Buffer.from(body instanceof Uint8Array ? body : JSON.stringify(body)).toString('base64');
}

function weakest(items: readonly ServiceNowRequest[]): Repeatable {
  if (items.some(({ repeatable }) => repeatable === 'never')) return 'never';
  return items.some(({ repeatable }) => repeatable === 'keyed') ? 'keyed' : 'read';
}

type Value = string | number | boolean | readonly string[] | undefined;

function build(
  method: Method,
  path: string,
  repeatable: Repeatable,
  options: Common & { readonly pairs?: Readonly<Record<string, string>> | undefined } = {},
  sysparms: Readonly<Record<string, Value>> = {},
  body?: unknown,
): ServiceNowRequest {
  const { headers } = options;
  const query = new URLSearchParams(options.parameters);
  for (const [name, value] of Object.entries(options.pairs ?? {})) query.set(name, value);
  for (const [name, value] of Object.entries(sysparms)) {
    const text = Array.isArray(value) ? value.join(',') : String(value ?? '');
    if (text !== '') query.set(`sysparm_${name}`, text);
  }
  return {
    method,
    path,
    ...(query.size > 0 && { query }),
    ...(headers && { headers }),
    ...(body !== undefined && { body }),
    repeatable,
  };
}

function recordParameters(options: RecordOptions): Readonly<Record<string, Value>> {
  return {
    display_value: options.displayValue,
    exclude_reference_link: options.excludeReferenceLink,
    fields: options.fields,
    view: options.view,
    query_no_domain: options.queryNoDomain,
  };
}

function pathOf(version: ApiVersion | undefined, ...segments: readonly string[]): string {
  return ['/api/now', ...(version ? [version] : []), ...segments].join('/');
}

function recordPath({ table, sysId, version }: Common & { readonly table: string; readonly sysId: string }) {
  return pathOf(version, 'table', checkTableName(table), checkSysId(sysId));
}

function stagingPath({ stagingTable, version }: StagingTable, ...rest: readonly string[]): string {
  return pathOf(version, 'import', checkTableName(stagingTable), ...rest);
}

function uploadFields({ table, sysId, fileName, encryptionContext }: UploadOptions): Record<string, string> {
  if (fileName === '') throw new InvalidInputError('fileName', 'must not be empty');
  return {
    table_name: checkTableName(table),
    table_sys_id: checkSysId(sysId),
    file_name: fileName,
    ...(encryptionContext && { encryption_context: encryptionContext }),
  };
}

function checkMediaType(contentType: string): string {
  if (/^[\w.+-]+\/[\w.+-]+(;[\x20-\x7e]*)?$/.test(contentType)) return contentType;
  throw new InvalidInputError('contentType', 'must be a media type such as text/plain');
}

/** As browsers escape a file name in a form (HTML, multipart/form-data encoding algorithm). */
function quoted(fileName: string): string {
  return fileName.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
