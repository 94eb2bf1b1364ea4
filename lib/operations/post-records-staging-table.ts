import * as z from 'zod/mini';
import { insertMultipleRequest } from '../servicenow/requests.ts';
import { defineOperation } from './operation.ts';
import { apiVersion, stagingAliases, sysId, tableName } from './parameters.ts';
import { columns } from './record.ts';
import { requireTextColumns } from './staging-row.ts';

const schema = z.object({
  tableName,
  apiVersion,
  records: z.array(columns, 'required; a list of rows').check(z.minLength(1, 'holds no row')),
  /** Adds the rows' import set to this group instead of a new one. */
  multiImportSetId: z.optional(sysId),
  /** Starts after this import set is done. */
  runAfter: z.optional(sysId),
});

/** Puts many rows into a staging table in one call. Answers 201 with the import set's id; the rows' verdicts are asked for later. */
export const postRecordsStagingTable = defineOperation({
  name: 'postRecordsStagingTable',
  schema,
  body: 'parameters',
  aliases: { ...stagingAliases, multi_import_set_id: 'multiImportSetId', run_after: 'runAfter' },
  request: ({ tableName, apiVersion, multiImportSetId, runAfter, records }) =>
    insertMultipleRequest({
      stagingTable: tableName,
      version: apiVersion,
      multiImportSetId,
      runAfter,
      records: records.map((row, index) => requireTextColumns(row, `records[${index}]`)),
    }),
});
