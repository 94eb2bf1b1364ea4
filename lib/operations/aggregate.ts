import * as z from 'zod/mini';
import { aggregateRequest } from '../servicenow/aggregate.ts';
import { defineOperation } from './define-operation.ts';
import {
  addPairs,
  aggregateParameters,
  apiVersion,
  keyValuePairs,
  tableName,
  toQuery,
} from './parameters.ts';

/** Counts, averages, minima, maxima and sums of a table, grouped or not. Answers 200. */
export const getAggregateRecord = defineOperation({
  name: 'getAggregateRecord',
  routes: [{ method: 'GET', path: '/stats/{tableName}' }],
  schema: z.object({ tableName, apiVersion, ...aggregateParameters, keyValuePairs }),
  aliases: { sysparmOrderby: 'sysparmOrderBy', KeyValuePairs: 'keyValuePairs' },
  request: (parameters) =>
    aggregateRequest({
      table: parameters.tableName,
      version: parameters.apiVersion,
      parameters: addPairs(toQuery(parameters), parameters.keyValuePairs),
    }),
});
