import { patchRecordById } from '../lib/operations/table.ts';
import { keyedOperationHandler } from '../lib/runtime.ts';

/**
 * Updates one record: `""` clears a column, an absent one is left alone.
 *
 * HTTP: `PATCH /api/now[/v1|/v2]/table/{tableName}/{sysId}`, the body being the columns to change. Answers 200 with
 * `{ result: record }`, or 404.
 *
 * Direct Invoke: `{ tableName, sysId, record, … }` as `postRecord`. Answers `{ result: record }`.
 */
export const handler = keyedOperationHandler(patchRecordById);
