import { inThisProcess } from '../lib/gateway/in-this-process.ts';
import { serve } from '../lib/gateway/serve.ts';
import { getRecordById } from '../lib/operations/get-record-by-id.ts';

/**
 * Reads one record.
 *
 * HTTP: `GET /api/now[/v1|/v2]/table/{tableName}/{sysId}`. Answers 200 with `{ result: record }`, or 404.
 *
 * Direct Invoke: `{ tableName, sysId, sysparmDisplayValue?, sysparmFields?, sysparmView?,
 * sysparmExcludeReferenceLink?, sysparmQueryNoDomain?, apiVersion?, instance? }`. Answers `{ result }`, or throws
 * `RecordNotFoundError`.
 */
export const handler = serve(getRecordById, inThisProcess);
