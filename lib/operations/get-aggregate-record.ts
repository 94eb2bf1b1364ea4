import * as z from 'zod/mini';
import { statsPath } from '../servicenow/url.ts';
import { defineOperation } from './operation.ts';
import { aggregateParameters, apiVersion, tableName } from './parameters.ts';
import { addPairs, keyValuePairs, toQuery } from './query.ts';

const schema = z.object({ tableName, apiVersion, ...aggregateParameters, keyValuePairs });

/** Counts, averages, minima, maxima and sums of a table, grouped or not. Answers 200. */
export const getAggregateRecord = defineOperation({
  name: 'getAggregateRecord',
  schema,
  aliases: { sysparmOrderby: 'sysparmOrderBy', KeyValuePairs: 'keyValuePairs' },
  request: (parameters) => ({
    method: 'GET',
    path: statsPath(parameters.tableName, parameters.apiVersion),
    query: addPairs(toQuery(parameters), parameters.keyValuePairs),
    repeatable: 'idempotent',
  }),
});
