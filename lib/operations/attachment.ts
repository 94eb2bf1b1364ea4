import * as z from 'zod/mini';
import { AnswerTooLargeError } from '../core/errors.ts';
import {
  attachmentFileRequest,
  attachmentRequest,
  deleteAttachmentRequest,
  listAttachmentsRequest,
  renameAttachmentRequest,
  uploadRequest,
} from '../servicenow/attachments.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { encodedQuery, narrow } from '../servicenow/encoded-query.ts';
import { defineOperation, type OperationDeps } from './define-operation.ts';
import { apiVersion, keyValuePairs, pageParameters, sysId, tableName, toQuery } from './parameters.ts';

/**
 * The Attachment API (docs/servicenow-contract.md 5). A path does not say to which table a file belongs, so the table is read
 * from the file's metadata and checked before anything else is done.
 */

const metadata = z.looseObject({ table_name: z.string() });
const oneFile = z.object({ result: z.looseObject({ table_name: z.string(), size_bytes: z.string() }) });
const manyFiles = z.looseObject({ result: z.array(metadata) });

/** In front of the table of an image or video that is the value of a column, to whose record the file belongs. */
const ofColumn = 'ZZ_YY';

/** The table whose records a file belongs to. */
function ownerOf({ table_name: table }: { readonly table_name: string }): string {
  return table.toUpperCase().startsWith(ofColumn) ? table.slice(ofColumn.length) : table;
}

/** The metadata of a file whose table callers may use. @throws TableNotAllowedError, RecordNotFoundError */
async function readMetadata(request: ServiceNowRequest, { client, context, access }: OperationDeps) {
  const response = await client.send(request, context);
  const { result } = oneFile.parse(response.body);
  access.require(ownerOf(result));
  return { response, sizeBytes: Number(result.size_bytes) };
}

/** Instances refuse addresses from 8 KB on (docs/servicenow-contract.md 1.4): images of columns are left out of longer ones. */
const longestQuery = 6_000;

/** Lists the metadata of files, of the tables that callers may use. Answers 200 with a list. */
export const getAttachments = defineOperation({
  name: 'getAttachments',
  routes: [{ method: 'GET', path: '/attachment' }],
  schema: z.object({ apiVersion, ...pageParameters, keyValuePairs }),
  aliases: { KeyValuePairs: 'keyValuePairs' },
  request: ({ keyValuePairs: pairs, apiVersion: version, ...parameters }) => {
    const query = toQuery(parameters);
    const conditions = Object.entries(pairs ?? {}).reduce(
      (all, [column, value]) => all.where(column, '=', value),
      encodedQuery(),
    );
    if (!query.has('sysparm_query') && pairs) query.set('sysparm_query', conditions.toString());
    return listAttachmentsRequest({ version, parameters: query });
  },
  async send(request, _parameters, { client, context, access }) {
    if (access.tables === 'all') return client.send(request, context);
    const query = new URLSearchParams(request.query);
    const given = query.get('sysparm_query') ?? '';
    const boundTo = (names: readonly string[]) =>
      query.set('sysparm_query', narrow(given, encodedQuery().oneOf('table_name', names)));
    boundTo(access.tables.flatMap((table) => [table, `${ofColumn}${table}`]));
    if (query.toString().length > longestQuery) boundTo(access.tables);
    const response = await client.send({ ...request, query }, context);
    return onlyAllowed(response, access.allows);
  },
});

/** Whatever the query made of the added condition, no file of another table is shown. */
function onlyAllowed(response: ServiceNowResponse, allows: (table: string) => boolean): ServiceNowResponse {
  const { result, ...rest } = manyFiles.parse(response.body);
  return { ...response, body: { ...rest, result: result.filter((file) => allows(ownerOf(file))) } };
}

/** Reads the metadata of one file. Answers 200, or 404. */
export const getAttachmentById = defineOperation({
  name: 'getAttachmentById',
  routes: [{ method: 'GET', path: '/attachment/{sysId}' }],
  schema: z.object({ sysId, apiVersion }),
  request: (parameters) => attachmentRequest(parameters.sysId, parameters.apiVersion),
  send: async (request, _parameters, deps) => (await readMetadata(request, deps)).response,
});

/** More than this is not read into memory; the client itself stops there. */
const maxFileBytes = 32 * 1024 * 1024;

/** The file is larger than a function can return. */
class FileTooLargeError extends AnswerTooLargeError {
  override readonly name: string = 'FileTooLargeError';

  constructor(bytes: number) {
    super(bytes, 'that is a file of 4.4 MB; download it from the instance itself', 'file');
  }
}

/** Reads the content of one file. Answers 200 with the bytes, or 404. */
export const getAttachmentFile = defineOperation({
  name: 'getAttachmentFile',
  routes: [{ method: 'GET', path: '/attachment/{sysId}/file' }],
  schema: z.object({ sysId, apiVersion }),
  request: (parameters) => attachmentFileRequest(parameters.sysId, parameters.apiVersion),
  async send(request, parameters, deps) {
    const { sizeBytes } = await readMetadata(attachmentRequest(parameters.sysId), deps);
    if (sizeBytes > maxFileBytes) throw new FileTooLargeError(sizeBytes);
    return deps.client.send(request, deps.context);
  },
});

const text = (what: string) => z.string(`required; ${what}`).check(z.minLength(1, 'must not be empty'));

/** Bytes as they come over HTTP, or base64 text, as a direct Invoke gives them. */
const content = z.pipe(
  z.transform((value: unknown) => (typeof value === 'string' ? fromBase64(value) : value)),
  z.instanceof(Uint8Array, { error: 'required; the bytes of the file (base64 text in a direct Invoke)' }),
);

function fromBase64(value: string): unknown {
  const isBase64 = /^(?:[A-Za-z0-9+/\s]*)={0,2}\s*$/.test(value);
  return isBase64 ? Buffer.from(value, 'base64') : value;
}

/** A type as it can be sent: without blanks before its parameters. What is none (`csv`) stands for bytes of any kind. */
function mediaType(given: string): string {
  const [type = '', ...parameters] = given.split(';').map((part) => part.trim());
  return type.includes('/') ? [type, ...parameters].join('; ') : 'application/octet-stream';
}

/** Attaches a file to a record. Answers 201 with its metadata and `Location`. */
export const postAttachment = defineOperation({
  name: 'postAttachment',
  routes: [
    { method: 'POST', path: '/attachment/file' },
    { method: 'POST', path: '/attachment/upload' },
  ],
  body: 'file',
  schema: z.object({
    tableName,
    tableSysId: sysId,
    fileName: text('the name of the file'),
    contentType: text('the media type of the file, e.g. text/plain'),
    content,
    creationTime: z.optional(z.string()),
    encryptionContext: z.optional(z.string()),
    apiVersion,
  }),
  request: ({ tableName: table, tableSysId, contentType, apiVersion: version, ...file }) =>
    uploadRequest({ version, table, sysId: tableSysId, contentType: mediaType(contentType), ...file }),
});

/** Changes a file once its table is known to be one that callers may use. @throws TableNotAllowedError */
async function sendIfAllowed(
  request: ServiceNowRequest,
  parameters: { readonly sysId: string },
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  if (deps.access.tables !== 'all') await readMetadata(attachmentRequest(parameters.sysId), deps);
  return deps.client.send(request, deps.context);
}

/** Gives one file another name. Answers 204 without a body, or 404. */
export const patchAttachmentById = defineOperation({
  name: 'patchAttachmentById',
  routes: [{ method: 'PATCH', path: '/attachment/{sysId}' }],
  body: 'parameters',
  schema: z.object({ sysId, fileName: text('the new name of the file'), apiVersion }),
  aliases: { file_name: 'fileName' },
  request: (parameters) =>
    renameAttachmentRequest(parameters.sysId, parameters.fileName, parameters.apiVersion),
  send: sendIfAllowed,
});

/** Deletes one file. Answers 204 without a body, or 404. */
export const deleteAttachmentById = defineOperation({
  name: 'deleteAttachmentById',
  routes: [{ method: 'DELETE', path: '/attachment/{sysId}' }],
  schema: z.object({ sysId, apiVersion }),
  request: (parameters) => deleteAttachmentRequest(parameters.sysId, parameters.apiVersion),
  send: sendIfAllowed,
});
