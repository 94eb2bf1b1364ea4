import * as z from 'zod/mini';
import { tablePath } from '../servicenow/url.ts';
import { defineOperation } from './operation.ts';
import { apiVersion, queryNoDomain, sysId, tableName } from './parameters.ts';
import { toQuery } from './query.ts';

const schema = z.object({ tableName, sysId, apiVersion, ...queryNoDomain });

/** Deletes one record. Answers 204 without a body, or 404 when there is none. */
export const deleteRecordById = defineOperation({
  name: 'deleteRecordById',
  schema,
  request: (parameters) => ({
    method: 'DELETE',
    path: tablePath(parameters.tableName, parameters.sysId, parameters.apiVersion),
    query: toQuery(parameters),
    repeatable: 'idempotent',
  }),
});
