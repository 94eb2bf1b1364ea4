import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import { lost } from './classify/judge.ts';
import { sysparms } from './read-options.ts';
import type { CallContext, ServiceNowClient, ServiceNowResponse } from './request.ts';
import { readResult, unexpectedShape } from './result.ts';
import { attachmentPath, checkSysId, checkTableName } from './url.ts';

const metadata = z.looseObject({
  sys_id: z.string(),
  file_name: z.string(),
  table_name: z.string(),
  table_sys_id: z.string(),
  content_type: z.string(),
  size_bytes: z.string(),
  hash: z.optional(z.string()),
});

/** What ServiceNow keeps about a file; all strings, `hash` is SHA-256 in hex (contract 5). */
export type AttachmentMetadata = z.infer<typeof metadata>;

/** `GET /attachment` @throws ServiceNowError and its kin */
export async function listAttachments(
  client: ServiceNowClient,
  options: { readonly query?: string; readonly limit?: number; readonly offset?: number },
  context: CallContext,
): Promise<{ readonly attachments: readonly AttachmentMetadata[]; readonly response: ServiceNowResponse }> {
  const path = attachmentPath();
  const response = await client.send(
    { method: 'GET', path, query: sysparms(options), repeatable: 'idempotent' },
    context,
  );
  return { attachments: readResult(z.array(metadata), response, 'GET', path), response };
}

/** `GET /attachment/{sysId}` @throws RecordNotFoundError, ServiceNowError and its kin */
export async function getAttachment(
  client: ServiceNowClient,
  sysId: string,
  context: CallContext,
): Promise<AttachmentMetadata> {
  const path = attachmentPath(sysId);
  const response = await client.send({ method: 'GET', path, repeatable: 'idempotent' }, context);
  return readResult(metadata, response, 'GET', path);
}

/** `GET /attachment/{sysId}/file`: the bytes. @throws RecordNotFoundError, ServiceNowError and its kin */
export async function downloadAttachment(
  client: ServiceNowClient,
  sysId: string,
  context: CallContext,
): Promise<Uint8Array> {
  const path = attachmentPath(sysId, true);
  const response = await client.send(
    { method: 'GET', path, repeatable: 'idempotent', expects: 'bytes' },
    context,
  );
  if (response.body instanceof Uint8Array) return response.body;
  throw unexpectedShape(response, 'GET', path);
}

export type UploadOptions = {
  readonly table: string;
  readonly sysId: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly content: Uint8Array;
};

/**
 * `POST /attachment/file`: attaches a file to a record, and checks that what ServiceNow holds is what was sent.
 * @throws UnknownOutcomeError, also when size or hash differ; ServiceNowError and its kin
 */
export async function uploadAttachment(
  client: ServiceNowClient,
  options: UploadOptions,
  context: CallContext,
): Promise<AttachmentMetadata> {
  const { content, contentType, fileName } = options;
  if (!/^[\w.+-]+\/[\w.+-]+(;.*)?$/.test(contentType))
    throw new InvalidInputError('contentType', 'must be a media type such as text/plain');
  const path = attachmentPath(undefined, true);
  const table_sys_id = checkSysId(options.sysId);
  const query = new URLSearchParams({
    table_name: checkTableName(options.table),
    table_sys_id,
    file_name: fileName,
  });
  const headers = { 'content-type': contentType };
  const request = { method: 'POST', path, query, headers, body: content, repeatable: 'never' } as const;
  const stored = readResult(metadata, await client.send(request, context), 'POST', path);
  if (holds(stored, content)) return stored;
  throw lost(
    request,
    undefined,
    `the file stored as ${stored.sys_id} differs in size or hash from the one sent`,
  );
}

/** `DELETE /attachment/{sysId}` @throws RecordNotFoundError, ServiceNowError and its kin */
export async function deleteAttachment(
  client: ServiceNowClient,
  sysId: string,
  context: CallContext,
): Promise<void> {
  await client.send({ method: 'DELETE', path: attachmentPath(sysId), repeatable: 'idempotent' }, context);
}

function holds(stored: AttachmentMetadata, content: Uint8Array): boolean {
  const sameSize = Number(stored.size_bytes) === content.byteLength;
  return sameSize && (!stored.hash || stored.hash === createHash('sha256').update(content).digest('hex'));
}
