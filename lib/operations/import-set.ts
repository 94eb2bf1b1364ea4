import * as z from 'zod/mini';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import {
  importRowRequest,
  importRowStatusRequest,
  insertMultipleRequest,
} from '../servicenow/import-sets.ts';
import { defineOperation, type OperationDeps } from './define-operation.ts';
import { apiVersion, idempotencyKey, sysId, tableName } from './parameters.ts';
import { columns, computerColumns, recordParameters, requireRecord, toTextColumns } from './record-input.ts';

/** What the WSO2 connector calls the path of a staging row. */
const aliases = {
  stagingTableName: 'tableName',
  tableNameStaging: 'tableName',
  sysIdStaging: 'sysId',
};

async function sendImport(
  request: ServiceNowRequest,
  {
    tableName: table,
    idempotencyKey: key,
  }: { readonly tableName: string; readonly idempotencyKey?: string | undefined },
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  if (key === undefined) return deps.client.send(request, deps.context);
  const { importKeyed } = await import('./keyed-update.ts');
  return importKeyed(request, { table, key }, deps);
}

/**
 * Puts one row into a staging table and has it transformed at once. Answers 201 with a verdict per transform map; a row
 * that failed answers 201 too, with the status `error` in its verdict.
 */
export const postRecordStagingTable = defineOperation({
  name: 'postRecordStagingTable',
  routes: [{ method: 'POST', path: '/import/{tableName}' }],
  body: 'record',
  schema: z.object({ tableName, apiVersion, ...recordParameters, ...computerColumns, idempotencyKey }),
  send: sendImport,
  aliases,
  request: (parameters) =>
    importRowRequest({
      stagingTable: parameters.tableName,
      version: parameters.apiVersion,
      row: toTextColumns(requireRecord(parameters, computerColumns), 'record'),
    }),
});

/** Puts many rows into a staging table in one call. Answers 201 with the import set's id; the verdicts are read later. */
export const postRecordsStagingTable = defineOperation({
  name: 'postRecordsStagingTable',
  routes: [{ method: 'POST', path: '/import/{tableName}/insertMultiple' }],
  body: 'parameters',
  schema: z.object({
    tableName,
    apiVersion,
    records: z
      .array(columns, 'required; a list of rows')
      .check(z.minLength(1, 'must contain at least one row')),
    /** Adds the rows' import set to this group instead of a new one. */
    multiImportSetId: z.optional(sysId),
    /** Starts after this import set is done. */
    runAfter: z.optional(sysId),
    idempotencyKey,
  }),
  send: sendImport,
  aliases: { ...aliases, multi_import_set_id: 'multiImportSetId', run_after: 'runAfter' },
  request: ({ tableName: stagingTable, apiVersion: version, records, multiImportSetId, runAfter }) =>
    insertMultipleRequest({
      multiImportSetId,
      runAfter,
      stagingTable,
      version,
      records: records.map((row, index) => toTextColumns(row, `records[${index}]`)),
    }),
});

/** Reads the verdict of one staging row, by the sys_id of that row. Answers 200 in the shape of `postRecordStagingTable`. */
export const getRecordsStagingTable = defineOperation({
  name: 'getRecordsStagingTable',
  routes: [{ method: 'GET', path: '/import/{tableName}/{sysId}' }],
  schema: z.object({ tableName, sysId, apiVersion }),
  aliases,
  request: ({ tableName: stagingTable, sysId: id, apiVersion: version }) =>
    importRowStatusRequest({ stagingTable, sysId: id, version }),
});
