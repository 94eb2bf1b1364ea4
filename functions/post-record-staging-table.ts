import { postRecordStagingTable } from '../lib/operations/import-set.ts';
import { keyedOperationHandler } from '../lib/runtime.ts';

/**
 * Puts one row into a staging table, to be transformed at once.
 *
 * HTTP: `POST /api/now[/v1|/v2]/import/{tableName}`, the body being the row: a JSON object of texts, numbers and booleans.
 * Answers 201 with a verdict per transform map; `X-Import-Status: error` means that one of them failed.
 *
 * Direct Invoke: `{ tableName, record, apiVersion?, instance? }`; the WSO2 connector's `serialNumber, cpuCount, manufacturer, name,
 * operatingSystem, diskSpace, ram` and `apiColumns` are merged into the row, later wins. Answers
 * `{ import_set, staging_table, result: [verdict, …] }`, or throws `ImportRowFailedError` with ServiceNow's reason.
 */
export const handler = keyedOperationHandler(postRecordStagingTable);
