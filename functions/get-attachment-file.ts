import { getAttachmentFile } from '../lib/operations/attachment.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Reads the content of one file.
 *
 * HTTP: `GET /api/now[/v1|/v2]/attachment/{sysId}/file`. Answers 200 with the bytes, `Content-Type`, `Content-Disposition` and
 * `X-Attachment-Metadata`; 413 when the file is larger than Lambda can return (4.4 MB, more when it can be compressed).
 *
 * Direct Invoke: `{ sysId, instance? }`. Answers `{ result: { contentType, metadata, content } }`, the content as base64 text.
 */
export const handler = operationHandler(getAttachmentFile);
