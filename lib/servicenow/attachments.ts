import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { readResult, unexpectedShape } from './answers.ts';
import type { CallOptions, ServiceNowClient, ServiceNowResponse } from './call.ts';
import { lost } from './classify/call.ts';
import {
  attachmentFileRequest,
  attachmentRequest,
  deleteAttachmentRequest,
  type ListAttachmentsOptions,
  listAttachmentsRequest,
  type UploadOptions,
  uploadRequest,
} from './requests.ts';

const metadata = z.looseObject({
  sys_id: z.string(),
  file_name: z.string(),
  table_name: z.string(),
  table_sys_id: z.string(),
  content_type: z.string(),
  size_bytes: z.string(),
  hash: z.optional(z.string()),
});

/** What ServiceNow keeps about a file; all strings, `hash` is SHA-256 in hex (docs/servicenow-contract.md 5). */
export type AttachmentMetadata = z.infer<typeof metadata>;

/** Metadata of the files that match. @throws ServiceNowError */
export async function listAttachments(
  client: ServiceNowClient,
  options: ListAttachmentsOptions,
  context?: CallOptions,
): Promise<{ readonly attachments: readonly AttachmentMetadata[]; readonly response: ServiceNowResponse }> {
  const request = listAttachmentsRequest(options);
  const response = await client.send(request, context);
  return { attachments: readResult(z.array(metadata), response, request), response };
}

/** Metadata of one file. @throws RecordNotFoundError, any other ServiceNowError */
export async function getAttachment(
  client: ServiceNowClient,
  sysId: string,
  context?: CallOptions,
): Promise<AttachmentMetadata> {
  const request = attachmentRequest(sysId);
  return readResult(metadata, await client.send(request, context), request);
}

/** The bytes of a file. @throws RecordNotFoundError, ResponseTooLargeError, any other ServiceNowError */
export async function downloadAttachment(
  client: ServiceNowClient,
  sysId: string,
  context?: CallOptions,
): Promise<Uint8Array> {
  const request = attachmentFileRequest(sysId);
  const response = await client.send(request, context);
  if (response.body instanceof Uint8Array) return response.body;
  throw unexpectedShape(response, request);
}

/**
 * Attaches a file to a record, and checks that what ServiceNow holds is what was sent.
 * @throws UnknownOutcomeError, also when size or hash differ; any other ServiceNowError
 */
export async function uploadAttachment(
  client: ServiceNowClient,
  options: UploadOptions,
  context?: CallOptions,
): Promise<AttachmentMetadata> {
  const request = uploadRequest(options);
  const stored = readResult(metadata, await client.send(request, context), request);
  if (holds(stored, options.content)) return stored;
  throw lost(
    request,
    undefined,
    `the file stored as ${stored.sys_id} differs in size or hash from the one sent`,
  );
}

/** Deletes a file. @throws RecordNotFoundError, UnknownOutcomeError, any other ServiceNowError */
export async function deleteAttachment(
  client: ServiceNowClient,
  sysId: string,
  context?: CallOptions,
): Promise<void> {
  await client.send(deleteAttachmentRequest(sysId), context);
}

function holds(stored: AttachmentMetadata, content: Uint8Array): boolean {
  const isSameSize = Number(stored.size_bytes) === content.byteLength;
  return isSameSize && (!stored.hash || stored.hash === createHash('sha256').update(content).digest('hex'));
}
