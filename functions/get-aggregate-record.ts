import { getAggregateRecord } from '../lib/operations/table.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Counts, averages, minima, maxima and sums over a table.
 *
 * HTTP: `GET /api/now[/v1|/v2]/stats/{tableName}?sysparm_count=true&sysparm_group_by=…` as on an instance. Answers 200.
 *
 * Direct Invoke: `{ tableName, sysparmQuery? | keyValuePairs?, sysparmCount?, sysparmAvgFields?, sysparmMinFields?,
 * sysparmMaxFields?, sysparmSumFields?, sysparmGroupBy?, sysparmOrderBy?, sysparmHaving?, sysparmDisplayValue?,
 * apiVersion?, instance? }`. Answers `{ result: { stats } }`, or a list with `groupby_fields` when grouped.
 */
export const handler = operationHandler(getAggregateRecord);
