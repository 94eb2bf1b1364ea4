import * as z from 'zod/mini';
import { listRequest } from '../servicenow/requests.ts';
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
  request: (parameters) =>
    listRequest({
      table: parameters.tableName,
      version: parameters.apiVersion,
      parameters: addPairs(toQuery(parameters), parameters.keyValuePairs),
    }),
});
