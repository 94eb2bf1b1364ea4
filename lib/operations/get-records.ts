import * as z from 'zod/mini';
import { tablePath } from '../servicenow/url.ts';
import { defineOperation } from './operation.ts';
import { apiVersion, listParameters, queryNoDomain, readParameters, tableName } from './parameters.ts';
import { addPairs, keyValuePairs, toQuery } from './query.ts';

const schema = z.object({
  tableName,
  apiVersion,
  ...listParameters,
  ...readParameters,
  ...queryNoDomain,
  keyValuePairs,
});

/** Lists the records of a table that match an encoded query, or `column=value` pairs. Answers 200 with a list. */
export const getRecords = defineOperation({
  name: 'getRecords',
  schema,
  aliases: {
    sysparmReadReplicaCategory: 'sysparmQueryCategory',
    sysparmSupPaginationHeader: 'sysparmSuppressPaginationHeader',
    KeyValuePairs: 'keyValuePairs',
  },
  request: (parameters) => ({
    method: 'GET',
    path: tablePath(parameters.tableName, undefined, parameters.apiVersion),
    query: addPairs(toQuery(parameters), parameters.keyValuePairs),
    repeatable: 'idempotent',
  }),
});
