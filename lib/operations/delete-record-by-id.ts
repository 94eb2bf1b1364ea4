import * as z from 'zod/mini';
import { deleteRequest } from '../servicenow/requests.ts';
import { defineOperation } from './operation.ts';
import { apiVersion, queryNoDomain, sysId, tableName } from './parameters.ts';
import { toQuery } from './query.ts';

const schema = z.object({ tableName, sysId, apiVersion, ...queryNoDomain });

/** Deletes one record. Answers 204 without a body, or 404 when there is none. */
export const deleteRecordById = defineOperation({
  name: 'deleteRecordById',
  schema,
  request: (parameters) =>
    deleteRequest({
      table: parameters.tableName,
      sysId: parameters.sysId,
      version: parameters.apiVersion,
      parameters: toQuery(parameters),
    }),
});
