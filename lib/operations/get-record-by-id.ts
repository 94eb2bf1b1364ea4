import * as z from 'zod/mini';
import { getRequest } from '../servicenow/requests.ts';
import { defineOperation } from './operation.ts';
import { apiVersion, queryNoDomain, readParameters, sysId, tableName } from './parameters.ts';
import { toQuery } from './query.ts';

const schema = z.object({ tableName, sysId, apiVersion, ...readParameters, ...queryNoDomain });

/** Reads one record by its sys_id. Answers 200, or 404 when there is none or it may not be seen. */
export const getRecordById = defineOperation({
  name: 'getRecordById',
  schema,
  request: (parameters) =>
    getRequest({
      table: parameters.tableName,
      sysId: parameters.sysId,
      version: parameters.apiVersion,
      parameters: toQuery(parameters),
    }),
});
