import { postTinyUrl } from '../lib/operations/tiny-url.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Keeps a long query under a short name.
 *
 * HTTP: `POST /api/now[/v1|/v2]/tinyurl` with `{ "url": "/api/now/table/incident?sysparm_query=…" }`. Answers 201 with
 * `{ result: "incident_list.do?sysparm_tiny=<id>" }`, or 403 where `allowedTables` bounds what queries may read.
 *
 * Direct Invoke: `{ url, instance? }`. Answers `{ result }`.
 */
export const handler = operationHandler(postTinyUrl);
