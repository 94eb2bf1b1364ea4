import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import { readResult, unexpectedShape } from './answers.ts';
import type { CallOptions, ServiceNowClient, ServiceNowRequest, ServiceNowResponse } from './call.ts';
import { lost } from './classify/failure.ts';
import type { EncodedQuery } from './encoded-query.ts';
import { type ApiVersion, checkSysId, checkTableName } from './names.ts';
import { apiPath, buildRequest, type RequestOptions } from './requests.ts';

export type ListAttachmentsOptions = RequestOptions & {
  readonly query?: EncodedQuery | string | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
};

/** `GET /attachment` */
export function listAttachmentsRequest(options: ListAttachmentsOptions = {}): ServiceNowRequest {
  const { query, limit, offset } = options;
  return buildRequest('GET', apiPath(options.version, 'attachment'), 'read', options, {
    query: query?.toString(),
    limit,
    offset,
  });
}

/** `GET /attachment/{sysId}`: the metadata. */
export function attachmentRequest(sysId: string, version?: ApiVersion): ServiceNowRequest {
  return buildRequest('GET', apiPath(version, 'attachment', checkSysId(sysId)), 'read');
}

/** `GET /attachment/{sysId}/file`: the bytes. */
export function attachmentFileRequest(sysId: string, version?: ApiVersion): ServiceNowRequest {
  return {
    ...buildRequest('GET', apiPath(version, 'attachment', checkSysId(sysId), 'file'), 'read'),
    expects: 'bytes',
  };
}

/** A file for a record. */
export type UploadOptions = Pick<RequestOptions, 'version'> & {
  readonly table: string;
  /** The record that it is attached to. */
  readonly sysId: string;
  readonly fileName: string;
  /** A media type, e.g. `text/plain`. */
  readonly contentType: string;
  readonly content: Uint8Array;
  /** When the file counts as attached, in UTC: `yyyy-MM-dd HH:mm:ss`. @default now */
  readonly creationTime?: string | undefined;
  readonly encryptionContext?: string | undefined;
};

/** `POST /attachment/file`: the bytes as the body. */
export function uploadRequest(options: UploadOptions): ServiceNowRequest {
  const parameters = new URLSearchParams(uploadFields(options));
  const headers = { 'content-type': checkMediaType(options.contentType) };
  return buildRequest(
    'POST',
    apiPath(options.version, 'attachment', 'file'),
    'never',
    { parameters, headers },
    {},
    options.content,
  );
}

/** `POST /attachment/upload`: the same as multipart/form-data, with the file as its last part (docs/servicenow-contract.md 5). */
export function multipartUploadRequest(options: UploadOptions): ServiceNowRequest {
  const { content, fileName } = options;
  // A hash of the content cannot stand in the content.
  const boundary = `----${createHash('sha256').update(content).update(fileName).digest('hex').slice(0, 40)}`;
  const { file_name: _, ...fields } = uploadFields(options);
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const fileHead = `--${boundary}\r\nContent-Disposition: form-data; name="uploadFile"; filename="${quoted(fileName)}"\r\nContent-Type: ${checkMediaType(options.contentType)}\r\n\r\n`;
  const body = Buffer.concat([
    Buffer.from(parts.join('') + fileHead),
    content,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
  return buildRequest(
    'POST',
    apiPath(options.version, 'attachment', 'upload'),
    'never',
    { headers },
    {},
    body,
  );
}

/** `PATCH /attachment/{sysId}`: gives the file another name. */
export function renameAttachmentRequest(
  sysId: string,
  fileName: string,
  version?: ApiVersion,
): ServiceNowRequest {
  if (fileName === '') throw new InvalidInputError('fileName', 'must not be empty');
  const path = apiPath(version, 'attachment', checkSysId(sysId));
  return buildRequest('PATCH', path, 'never', {}, {}, { file_name: fileName });
}

/** `DELETE /attachment/{sysId}` */
export function deleteAttachmentRequest(sysId: string, version?: ApiVersion): ServiceNowRequest {
  return buildRequest('DELETE', apiPath(version, 'attachment', checkSysId(sysId)), 'never');
}

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
    `the stored file ${stored.sys_id} differs in size or hash from the file that was sent`,
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

function uploadFields(options: UploadOptions): Record<string, string> {
  const { table, sysId, fileName, creationTime, encryptionContext } = options;
  if (fileName === '') throw new InvalidInputError('fileName', 'must not be empty');
  return {
    table_name: checkTableName(table),
    table_sys_id: checkSysId(sysId),
    file_name: fileName,
    ...(creationTime && { creation_time: creationTime }),
    ...(encryptionContext && { encryption_context: encryptionContext }),
  };
}

function checkMediaType(contentType: string): string {
  if (/^[\w.+#!$%&'*^`|~-]+\/[\w.+#!$%&'*^`|~-]+(;[\x20-\x7e]*)?$/.test(contentType)) return contentType;
  throw new InvalidInputError('contentType', 'must be a media type such as text/plain');
}

/** As browsers escape a file name in a form (HTML, multipart/form-data encoding algorithm). */
function quoted(fileName: string): string {
  return fileName.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
