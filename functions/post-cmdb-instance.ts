import { postCmdbInstance } from '../lib/operations/cmdb.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Creates a configuration item, or updates the one that identification finds.
 *
 * HTTP: `POST /api/now[/v1|/v2]/cmdb/instance/{class}` with `{ attributes, source?, inbound_relations?, outbound_relations? }`.
 * Answers 201 with the item and `Location`.
 *
 * Direct Invoke: `{ tableName, attributes, source?, inboundRelations?, outboundRelations?, instance? }`. Answers `{ result }`.
 */
export const handler = operationHandler(postCmdbInstance);
