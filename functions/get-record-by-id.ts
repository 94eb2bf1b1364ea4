import { getRecordById } from '../lib/operations/table.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Reads one record.
 *
 * HTTP: `GET /api/now[/v1|/v2]/table/{tableName}/{sysId}`. Answers 200 with `{ result: record }`, or 404.
 *
 * Direct Invoke: `{ tableName, sysId, sysparmDisplayValue?, sysparmFields?, sysparmView?,
 * sysparmExcludeReferenceLink?, sysparmQueryNoDomain?, apiVersion?, instance? }`. Answers `{ result }`, or throws
 * `RecordNotFoundError`.
 */
export const handler = operationHandler(getRecordById);
