import * as z from 'zod/mini';
import { tablePath } from '../servicenow/url.ts';
import { defineOperation } from './operation.ts';
import { apiVersion, queryNoDomain, readParameters, sysId, tableName } from './parameters.ts';
import { toQuery } from './query.ts';

const schema = z.object({ tableName, sysId, apiVersion, ...readParameters, ...queryNoDomain });

/** Reads one record by its sys_id. Answers 200, or 404 when there is none or it may not be seen. */
export const getRecordById = defineOperation({
  name: 'getRecordById',
  schema,
  request: (parameters) => ({
    method: 'GET',
    path: tablePath(parameters.tableName, parameters.sysId, parameters.apiVersion),
    query: toQuery(parameters),
    repeatable: 'idempotent',
  }),
});
