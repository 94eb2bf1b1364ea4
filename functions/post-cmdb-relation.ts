import { postCmdbRelation } from '../lib/operations/cmdb.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Adds relations to a configuration item.
 *
 * HTTP: `POST /api/now[/v1|/v2]/cmdb/instance/{class}/{sys_id}/relation` with
 * `{ inbound_relations?: [{ type, target }], outbound_relations?, source? }`. Answers 201 with the item.
 *
 * Direct Invoke: `{ tableName, sysId, inboundRelations?, outboundRelations?, source?, instance? }`. Answers `{ result }`.
 */
export const handler = operationHandler(postCmdbRelation);
