import { postAttachment } from '../lib/operations/attachment.ts';
import { operationHandler } from '../lib/runtime.ts';

/**
 * Attaches a file to a record.
 *
 * HTTP: `POST /api/now[/v1|/v2]/attachment/file?table_name=…&table_sys_id=…&file_name=…`, the body being the file and
 * `Content-Type` its type; or `POST …/attachment/upload` with `multipart/form-data`, the file last. Answers 201 with
 * `{ result: metadata }` and `Location`.
 *
 * Direct Invoke: `{ tableName, tableSysId, fileName, contentType, content, encryptionContext?, instance? }`, the content as base64
 * text. Answers `{ result: metadata }`.
 */
export const handler = operationHandler(postAttachment);
