import { postRecord } from '../lib/operations/table.ts';
import { keyedOperationHandler } from '../lib/runtime.ts';

/**
 * Creates one record.
 *
 * HTTP: `POST /api/now[/v1|/v2]/table/{tableName}`, the body being the record as a JSON object. Answers 201 with
 * `{ result: record }` and `Location`. With an `Idempotency-Key` a repeat creates nothing: it answers 200 with the record as
 * it now is, `Idempotency-Replayed: true`, and in `Idempotency-Differs` the columns whose values differ from the given ones.
 *
 * Direct Invoke: `{ tableName, record, sysparmDisplayValue?, sysparmFields?, sysparmView?,
 * sysparmExcludeReferenceLink?, sysparmInputDisplayValue?, idempotencyKey?, apiVersion?, instance? }`; the WSO2 connector's `number,
 * shortDescription, active, approval, category, contactType` and `apiColumns` are merged into the record, later wins.
 * Answers `{ result: record }`.
 */
export const handler = keyedOperationHandler(postRecord);
