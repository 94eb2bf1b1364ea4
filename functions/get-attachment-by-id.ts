import { getAttachmentById } from '../lib/operations/attachment.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Reads the metadata of one file.
 *
 * HTTP: `GET /api/now[/v1|/v2]/attachment/{sysId}`. Answers 200 with `{ result: metadata }`, 404, or 403 when it belongs to a
 * table that callers may not use.
 *
 * Direct Invoke: `{ sysId, instance? }`. Answers `{ result }`, or throws `RecordNotFoundError`.
 */
export const handler = operationHandler(getAttachmentById);
