import { getAttachments } from '../lib/operations/attachment.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Lists the metadata of files, of the tables that callers may use.
 *
 * HTTP: `GET /api/now[/v1|/v2]/attachment?sysparm_query=…&sysparm_limit=…` as on an instance. Answers 200 with
 * `{ result: [metadata, …] }`, `X-Total-Count` and `Link`.
 *
 * Direct Invoke: `{ sysparmQuery?, sysparmLimit?, sysparmOffset?, keyValuePairs?, instance? }`. Answers `{ result, totalCount?, next? }`.
 */
export const handler = operationHandler(getAttachments);
