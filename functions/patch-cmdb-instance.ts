import { patchCmdbInstance } from '../lib/operations/cmdb.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Changes attributes of a configuration item.
 *
 * HTTP: `PATCH` or `PUT /api/now[/v1|/v2]/cmdb/instance/{class}/{sys_id}` with `{ attributes, source? }`. Answers 200 with the item.
 *
 * Direct Invoke: `{ tableName, sysId, attributes, source?, instance? }`. Answers `{ result }`.
 */
export const handler = operationHandler(patchCmdbInstance);
