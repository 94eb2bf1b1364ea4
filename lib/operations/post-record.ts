import * as z from 'zod/mini';
import { tablePath } from '../servicenow/url.ts';
import { defineOperation } from './operation.ts';
import { apiVersion, tableName, writeParameters } from './parameters.ts';
import { toQuery } from './query.ts';
import { recordParameters, requireRecord, taskColumns } from './record.ts';

const schema = z.object({ tableName, apiVersion, ...writeParameters, ...recordParameters, ...taskColumns });

/** Creates one record. Answers 201 with the record. Without an idempotency key it is sent once and never again after bytes left. */
export const postRecord = defineOperation({
  name: 'postRecord',
  schema,
  body: 'record',
  request: (parameters) => ({
    method: 'POST',
    path: tablePath(parameters.tableName, undefined, parameters.apiVersion),
    query: toQuery(parameters),
    body: requireRecord(parameters, taskColumns),
    repeatable: 'never',
  }),
});
