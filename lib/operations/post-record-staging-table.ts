import * as z from 'zod/mini';
import { importRowRequest } from '../servicenow/requests.ts';
import { defineOperation } from './operation.ts';
import { apiVersion, stagingAliases, tableName } from './parameters.ts';
import { computerColumns, recordParameters, requireRecord } from './record.ts';
import { requireTextColumns } from './staging-row.ts';

const schema = z.object({ tableName, apiVersion, ...recordParameters, ...computerColumns });

/**
 * Puts one row into a staging table and has it transformed at once. Answers 201 with a verdict per transform map; a row
 * that failed answers 201 too, with the status `error` in its verdict.
 */
export const postRecordStagingTable = defineOperation({
  name: 'postRecordStagingTable',
  schema,
  body: 'record',
  aliases: stagingAliases,
  request: (parameters) =>
    importRowRequest({
      stagingTable: parameters.tableName,
      version: parameters.apiVersion,
      row: requireTextColumns(requireRecord(parameters, computerColumns), 'record'),
    }),
});
