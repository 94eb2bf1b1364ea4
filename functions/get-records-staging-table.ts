import { getRecordsStagingTable } from '../lib/operations/import-set.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Reads the result of one staging row.
 *
 * HTTP: `GET /api/now[/v1|/v2]/import/{tableName}/{sysId}`, by the sys_id of the staging row. Answers 200 as
 * `postRecordStagingTable` does, or 404 once the row has been cleaned away.
 *
 * Direct Invoke: `{ tableName, sysId, apiVersion?, instance? }`. Answers `{ import_set, staging_table, result }`.
 */
export const handler = operationHandler(getRecordsStagingTable);
