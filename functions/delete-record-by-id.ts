import { inThisProcess } from '../lib/gateway/in-this-process.ts';
import { serve } from '../lib/gateway/serve.ts';
import { deleteRecordById } from '../lib/operations/delete-record-by-id.ts';

/**
 * Deletes one record.
 *
 * HTTP: `DELETE /api/now[/v1|/v2]/table/{tableName}/{sysId}`. Answers 204 without a body, or 404.
 *
 * Direct Invoke: `{ tableName, sysId, sysparmQueryNoDomain?, apiVersion?, instance? }`. Answers `{ result: null }`, or
 * throws `RecordNotFoundError`.
 */
export const handler = serve(deleteRecordById, inThisProcess);
