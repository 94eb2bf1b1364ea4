import { patchAttachmentById } from '../lib/operations/attachment.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Gives one file another name.
 *
 * HTTP: `PATCH /api/now[/v1|/v2]/attachment/{sysId}` with `{ "file_name": name }`. Answers 204 without a body, 404, or 403 when the
 * file belongs to a table that callers may not use.
 *
 * Direct Invoke: `{ sysId, fileName, instance? }`. Answers `{ result: null }`, or throws `RecordNotFoundError`.
 */
export const handler = operationHandler(patchAttachmentById);
