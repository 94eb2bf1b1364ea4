import * as z from 'zod/mini';
import { importRowStatusRequest } from '../servicenow/requests.ts';
import { defineOperation } from './operation.ts';
import { apiVersion, stagingAliases, sysId, tableName } from './parameters.ts';

const schema = z.object({ tableName, sysId, apiVersion });

/** Reads what became of one staging row, by the sys_id of that row. Answers 200 in the shape of `postRecordStagingTable`. */
export const getRecordsStagingTable = defineOperation({
  name: 'getRecordsStagingTable',
  schema,
  aliases: stagingAliases,
  request: ({ tableName, sysId, apiVersion }) =>
    importRowStatusRequest({ stagingTable: tableName, sysId, version: apiVersion }),
});
