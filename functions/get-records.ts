import { getRecords } from '../lib/operations/table.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Lists the records of a table.
 *
 * HTTP: `GET /api/now[/v1|/v2]/table/{tableName}?sysparm_query=…&sysparm_limit=…` as on an instance, or
 * `?column=value` pairs in place of `sysparm_query`. Answers 200 with `{ result: [record, …] }`, `X-Total-Count` and `Link`.
 *
 * Direct Invoke: `{ tableName, sysparmQuery?, sysparmDisplayValue?, sysparmFields?, sysparmView?, sysparmLimit?,
 * sysparmOffset?, sysparmExcludeReferenceLink?, sysparmQueryCategory?, sysparmNoCount?,
 * sysparmSuppressPaginationHeader?, sysparmQueryNoDomain?, keyValuePairs?, apiVersion?, instance? }`. Answers
 * `{ result, totalCount?, next? }`; `next` is the event of the next page.
 */
export const handler = operationHandler(getRecords);
