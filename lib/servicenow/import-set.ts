import * as z from 'zod/mini';
import type { CallContext, Method, ServiceNowClient, ServiceNowResponse } from './request.ts';
import { unexpectedShape } from './result.ts';
import { type ApiVersion, importPath, insertMultiplePath } from './url.ts';

/** One row for a staging table: column name to text. Anything but text would be mangled by ServiceNow (contract 4.1). */
export type StagingRow = Readonly<Record<string, string>>;

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

/** What one transform map made of a row: `inserted`, `updated`, `ignored`, `skipped` or `error` in `status`. */
export type RowResult = z.infer<typeof rowResult>;

/** The verdict on one row, and ServiceNow's answer as it came. `failed` when any map says `error`, though the status is 2xx. */
export type ImportAnswer = {
  readonly importSet: string;
  readonly results: readonly RowResult[];
  readonly failed: boolean;
  readonly response: ServiceNowResponse;
};

/** Where the rows of an insertMultiple went; their verdicts have to be read from the staging table afterwards (contract 4.3, 4.4). */
export type MultipleAnswer = {
  readonly importSetId: string;
  readonly multiImportSetId: string | undefined;
  readonly response: ServiceNowResponse;
};

type StagingTable = { readonly stagingTable: string; readonly version?: ApiVersion | undefined };

/** `POST /import/{stagingTable}`: one row, transformed at once. @throws UnknownOutcomeError, ServiceNowError and its kin */
export async function insertRow(
  client: ServiceNowClient,
  options: StagingTable & { readonly row: StagingRow },
  context: CallContext,
): Promise<ImportAnswer> {
  const path = importPath(options.stagingTable, undefined, options.version);
  const response = await client.send(
    { method: 'POST', path, body: options.row, repeatable: 'never' },
    context,
  );
  return readImport(response, 'POST', path);
}

/** `GET /import/{stagingTable}/{sysId}`: what became of a staging row. @throws RecordNotFoundError, ServiceNowError and its kin */
export async function getResult(
  client: ServiceNowClient,
  options: StagingTable & { readonly sysId: string },
  context: CallContext,
): Promise<ImportAnswer> {
  const path = importPath(options.stagingTable, options.sysId, options.version);
  const response = await client.send({ method: 'GET', path, repeatable: 'idempotent' }, context);
  return readImport(response, 'GET', path);
}

/**
 * `POST /import/{stagingTable}/insertMultiple`: many rows into one import set. Keys are column labels or names as the
 * instance's `sys_rest_insert_multiple` says. @throws UnknownOutcomeError, ServiceNowError and its kin
 */
export async function insertMultiple(
  client: ServiceNowClient,
  options: StagingTable & {
    /** The rows, or the whole body `{"records":[…]}` as UTF-8 where a caller has it at hand. */
    readonly records: readonly StagingRow[] | Uint8Array;
    /** sys_id of a `sys_multi_import_set` that the new set joins. */
    readonly multiImportSetId?: string | undefined;
    /** sys_id of the `sys_import_set` after which this one is transformed. */
    readonly runAfter?: string | undefined;
  },
  context: CallContext,
): Promise<MultipleAnswer> {
  const path = insertMultiplePath(options.stagingTable, options.version);
  const query = new URLSearchParams();
  if (options.multiImportSetId) query.set('multi_import_set_id', options.multiImportSetId);
  if (options.runAfter) query.set('run_after', options.runAfter);
  const { records } = options;
  const body = records instanceof Uint8Array ? records : { records };
  const response = await client.send({ method: 'POST', path, query, body, repeatable: 'never' }, context);
  return readMultiple(response, path);
}

/** Reads the answer to one row, also where it came as an item of a batch. @throws AnswerLostError when it has another shape */
export function readImport(response: ServiceNowResponse, method: Method, path: string): ImportAnswer {
  const parsed = importAnswer.safeParse(response.body);
  if (!parsed.success) throw unexpectedShape(response, method, path);
  const { import_set: importSet, result: results } = parsed.data;
  return { importSet, results, failed: results.some(({ status }) => status === 'error'), response };
}

function readMultiple(response: ServiceNowResponse, path: string): MultipleAnswer {
  const parsed = maybeWrapped.safeParse(response.body);
  if (!parsed.success) throw unexpectedShape(response, 'POST', path);
  const ids = 'result' in parsed.data ? parsed.data.result : parsed.data;
  return { importSetId: ids.import_set_id, multiImportSetId: ids.multi_import_set_id, response };
}
