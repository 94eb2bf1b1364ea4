import * as z from 'zod/mini';
import { aggregateRequest } from '../servicenow/requests.ts';
import { defineOperation } from './operation.ts';
import { aggregateParameters, apiVersion, tableName } from './parameters.ts';
import { addPairs, keyValuePairs, toQuery } from './query.ts';

const schema = z.object({ tableName, apiVersion, ...aggregateParameters, keyValuePairs });

/** Counts, averages, minima, maxima and sums of a table, grouped or not. Answers 200. */
export const getAggregateRecord = defineOperation({
  name: 'getAggregateRecord',
  schema,
  aliases: { sysparmOrderby: 'sysparmOrderBy', KeyValuePairs: 'keyValuePairs' },
  request: (parameters) =>
    aggregateRequest({
      table: parameters.tableName,
      version: parameters.apiVersion,
      parameters: addPairs(toQuery(parameters), parameters.keyValuePairs),
    }),
});
