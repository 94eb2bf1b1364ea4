import { deleteAttachmentById } from '../lib/operations/attachment.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Deletes one file.
 *
 * HTTP: `DELETE /api/now[/v1|/v2]/attachment/{sysId}`. Answers 204 without a body, or 404.
 *
 * Direct Invoke: `{ sysId, instance? }`. Answers `{ result: null }`, or throws `RecordNotFoundError`.
 */
export const handler = operationHandler(deleteAttachmentById);
