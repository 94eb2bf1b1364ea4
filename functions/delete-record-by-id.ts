import { deleteRecordById } from '../lib/operations/table.ts';
import { keyedOperationHandler } from '../lib/runtime.ts';

/**
 * Deletes one record.
 *
 * HTTP: `DELETE /api/now[/v1|/v2]/table/{tableName}/{sysId}`. Answers 204 without a body, or 404.
 *
 * Direct Invoke: `{ tableName, sysId, sysparmQueryNoDomain?, apiVersion?, instance? }`. Answers `{ result: null }`, or
 * throws `RecordNotFoundError`.
 */
export const handler = keyedOperationHandler(deleteRecordById);
