import { getCmdbInstance } from '../lib/operations/cmdb.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Lists the items of a class, or reads one with its attributes and relations.
 *
 * HTTP: `GET /api/now[/v1|/v2]/cmdb/instance/{class}?sysparm_query=…` or `…/{class}/{sys_id}` as on an instance. Answers 200 with
 * `{ result: [{ sys_id, name }, …] }` or `{ result: { attributes, inbound_relations, outbound_relations } }`.
 *
 * Direct Invoke: `{ tableName, sysId?, sysparmQuery?, sysparmLimit?, sysparmOffset?, instance? }`. Answers `{ result }`.
 */
export const handler = operationHandler(getCmdbInstance);
