import * as z from 'zod/mini';
import { unexpectedShape } from './answers.ts';
import type { CallOptions, ServiceNowClient, ServiceNowRequest, ServiceNowResponse } from './call.ts';
import { checkSysId, checkTableName } from './names.ts';
import type { RecordValues } from './records.ts';
import { apiPath, buildRequest, type RequestOptions } from './requests.ts';

type StagingTable = RequestOptions & { readonly stagingTable: string };

/** One row for a staging table: column name to text. ServiceNow would mangle anything but text (docs/servicenow-contract.md 4.1). */
export type StagingRow = RecordValues;

/** `POST /import/{stagingTable}`: one row, transformed at once. */
export function importRowRequest(options: StagingTable & { readonly row: StagingRow }): ServiceNowRequest {
  return buildRequest('POST', stagingPath(options), 'never', options, {}, options.row);
}

/** `GET /import/{stagingTable}/{sysId}`: the verdict on a staging row, by the sys_id of that row. */
export function importRowStatusRequest(
  options: StagingTable & { readonly sysId: string },
): ServiceNowRequest {
  return buildRequest('GET', stagingPath(options, checkSysId(options.sysId)), 'read', options);
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
  return buildRequest(
    'POST',
    stagingPath(options, 'insertMultiple'),
    'never',
    { ...options, parameters },
    {},
    body,
  );
}

const rowResult = z.looseObject({
  status: z.string(),
  transform_map: z.optional(z.nullable(z.string())),
  table: z.optional(z.nullable(z.string())),
  sys_id: z.optional(z.nullable(z.string())),
  status_message: z.optional(z.nullable(z.string())),
  error_message: z.optional(z.nullable(z.string())),
});
const importAnswer = z.looseObject({
  import_set: z.string(),
  staging_table: z.string(),
  result: z.array(rowResult),
});
const multipleAnswer = z.object({ import_set_id: z.string(), multi_import_set_id: z.optional(z.string()) });
/** The ids stand at the top; some releases wrap them in `result`. */
const maybeWrapped = z.union([multipleAnswer, z.object({ result: multipleAnswer })]);

/** The verdict of one transform map on a row: `inserted`, `updated`, `ignored`, `skipped` or `error` in `status`. */
export type RowResult = z.infer<typeof rowResult>;

/** The verdict on one row, and ServiceNow's answer as it came. `failed` when any map says `error`, though the status is 2xx. */
export type ImportAnswer = {
  readonly importSet: string;
  readonly results: readonly RowResult[];
  readonly failed: boolean;
  readonly response: ServiceNowResponse;
};

/** Where the rows of an insertMultiple went; their verdicts have to be read from the staging table afterwards (docs/servicenow-contract.md 4.3, 4.4). */
export type MultipleAnswer = {
  readonly importSetId: string;
  readonly multiImportSetId: string | undefined;
  readonly response: ServiceNowResponse;
};

/** Puts one row into a staging table and has it transformed at once. @throws UnknownOutcomeError, any other ServiceNowError */
export async function insertRow(
  client: ServiceNowClient,
  options: Parameters<typeof importRowRequest>[0],
  context?: CallOptions,
): Promise<ImportAnswer> {
  const request = importRowRequest(options);
  return readImport(await client.send(request, context), request);
}

/** The verdict on a staging row. @throws RecordNotFoundError, any other ServiceNowError */
export async function getRowResult(
  client: ServiceNowClient,
  options: Parameters<typeof importRowStatusRequest>[0],
  context?: CallOptions,
): Promise<ImportAnswer> {
  const request = importRowStatusRequest(options);
  return readImport(await client.send(request, context), request);
}

/** Puts many rows into one new import set. @throws UnknownOutcomeError, any other ServiceNowError */
export async function insertMultiple(
  client: ServiceNowClient,
  options: InsertMultipleOptions,
  context?: CallOptions,
): Promise<MultipleAnswer> {
  const request = insertMultipleRequest(options);
  const response = await client.send(request, context);
  const parsed = maybeWrapped.safeParse(response.body);
  if (!parsed.success) throw unexpectedShape(response, request);
  const ids = 'result' in parsed.data ? parsed.data.result : parsed.data;
  return { importSetId: ids.import_set_id, multiImportSetId: ids.multi_import_set_id, response };
}

/** Reads the answer to one row, also where it came as an item of a batch. @throws AnswerLostError when it has another shape */
export function readImport(response: ServiceNowResponse, request: ServiceNowRequest): ImportAnswer {
  const parsed = importAnswer.safeParse(response.body);
  if (!parsed.success) throw unexpectedShape(response, request);
  const { import_set: importSet, result: results } = parsed.data;
  return { importSet, results, failed: results.some(({ status }) => status === 'error'), response };
}

function stagingPath({ stagingTable, version }: StagingTable, ...rest: readonly string[]): string {
  return apiPath(version, 'import', checkTableName(stagingTable), ...rest);
}
