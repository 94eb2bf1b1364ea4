import { deleteCmdbRelation } from '../lib/operations/cmdb.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Removes one relation of a configuration item.
 *
 * HTTP: `DELETE /api/now[/v1|/v2]/cmdb/instance/{class}/{sys_id}/relation/{relation sys_id}`. Answers 204 without a body.
 *
 * Direct Invoke: `{ tableName, sysId, relationSysId, instance? }`. Answers `{ result: null }`.
 */
export const handler = operationHandler(deleteCmdbRelation);
