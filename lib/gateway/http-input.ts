import { callerOf } from '../core/caller.ts';
import { InvalidInputError } from '../core/errors.ts';
import { correlationIdFrom } from '../core/log.ts';
import { isTooDeepText, parseJson, tooDeep } from '../core/parse-json.ts';
import type { Operation, OperationInput } from '../operations/define-operation.ts';
import { toCamelCase } from '../operations/parameters.ts';
import * as names from '../servicenow/names.ts';
import type { Call } from './carry-out.ts';
import { InvalidTableError, NoRecordError, NotAcceptableError, UnsupportedMediaTypeError } from './errors.ts';
import { readForm } from './form.ts';
import { type HttpEvent, pathParameters, type RequestPath } from './http-event.ts';
import { bareNames, readQuery } from './http-query.ts';

/**
 * A request in ServiceNow's own form, in the operations' terms.
 * @throws ConnectorError when path, query, headers or body cannot be used
 */
export async function readHttpCall(event: HttpEvent, path: RequestPath, operation: Operation): Promise<Call> {
  const { method } = event.requestContext.http;
  // Files are of any type, and DELETE answers without a body.
  if (!path.resource.endsWith('/file') && method !== 'DELETE') checkAccept(event.headers);
  const variables = pathParameters(event.rawPath, path, operation);
  const { input, forwarded, order, notes } = readQuery(event.rawQueryString, queryNames(operation));
  const body = await bodyInput(event, path, operation);
  const all: OperationInput = { ...input, ...body };
  refuseNames(variables['tableName'], all['tableSysId']);
  if (operation.body === 'file') requireTable(all['tableName']);
  return {
    input: { ...input, ...body, ...keyInput(event, operation), ...variables },
    instance: event.headers['x-servicenow-instance'] || undefined,
    http: { caller: callerOf(event), method },
    correlationId: correlationIdFrom(event.headers['x-correlation-id'] ?? event.requestContext.requestId),
    forwarded: { query: forwarded, order, headers: forwardedHeaders(event.headers, operation) },
    notes: { ...notes, ...warnOfKey(event, operation) },
  };
}

/** Names that cannot be one are answered as an instance answers for what it does not have. */
function refuseNames(table: string | undefined, ownerOfFile: unknown): void {
  if (table !== undefined && !names.isTableName(table)) throw new InvalidTableError(table);
  if (typeof ownerOfFile === 'string' && ownerOfFile !== '' && !names.sysId.pattern.test(ownerOfFile))
    throw new NoRecordError();
}

/** Of a file the table is a parameter, which has another name than in a path. @throws InvalidInputError */
function requireTable(table: unknown): void {
  const isGiven = typeof table === 'string' && table !== '';
  if (!isGiven) throw new InvalidInputError('table_name', 'required; a table name');
  if (!names.isTableName(table)) throw new InvalidInputError('table_name', names.tableName.rule);
}

function checkAccept(headers: HttpEvent['headers']): void {
  const accept = headers['accept'] || '*/*';
  if (!/\*\/\*|(?:^|,)\s*\*\s*(?:[;,]|$)|application\/(?:\*|json)|text\/(?:\*|json)/i.test(accept))
    throw new NotAcceptableError(accept);
}

/** The parameters that may stand in the query; those of the path may not. */
function queryNames({ routes, parameterNames }: Operation): readonly string[] {
  return parameterNames.filter((name) => !routes.some(({ path }) => path.includes(`{${name}}`)));
}

const namesOfPath = new Set(['tableName', 'sysId', 'apiVersion']);

async function bodyInput(event: HttpEvent, path: RequestPath, operation: Operation): Promise<OperationInput> {
  const { body } = operation;
  if (body === undefined) return {};
  if (body === 'file') return fileInput(event, path);
  if (body === 'optional-record' && decode(event).trim() === '') return { record: {} };
  const value = readJsonBody(event);
  if (value === null) throw new InvalidInputError('body', 'must be a JSON object, not null');
  // Text may hold a record's JSON in a direct Invoke only; the body is JSON already.
  if (body !== 'parameters' && typeof value !== 'string') return { record: value };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidInputError('body', 'must be a JSON object');
  const ofPath = Object.keys(value).find((name) => namesOfPath.has(name));
  if (ofPath !== undefined) throw new InvalidInputError(ofPath, 'belongs in the path, not in the body');
  return { ...value };
}

/**
 * The file of an upload: the body is the file, or a form whose last part it is.
 * @throws InvalidInputError for a form that cannot be read or that holds anything but one file
 */
async function fileInput(event: HttpEvent, { resource }: RequestPath): Promise<OperationInput> {
  const { 'content-type': contentType, 'content-encoding': encoding = 'identity' } = event.headers;
  refuseDamagedText(event, '; API Gateway passes text on as such: send the file as application/octet-stream');
  if (!isIdentity(encoding))
    throw new UnsupportedMediaTypeError('content-encoding', encoding, 'the file without content encoding');
  const bytes = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (resource === '/attachment/file') return { contentType, content: bytes };
  if (!/^multipart\/form-data\s*;/i.test(contentType ?? ''))
    throw new UnsupportedMediaTypeError(
      'content-type',
      contentType ?? '(none)',
      'multipart/form-data with its boundary',
    );
  const form = await readForm(bytes, contentType ?? '');
  const files = form.flatMap(([, value]) => (typeof value === 'string' ? [] : [value]));
  const [file] = files;
  if (file === undefined || files.length > 1)
    throw new InvalidInputError('body', 'must contain exactly one file, as the last part of the form');
  const fields = form.flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' && bareNames.has(name) ? [[toCamelCase(name), value.trim()]] : [],
  );
  return {
    ...Object.fromEntries(fields),
    fileName: file.name,
    contentType: file.type || 'application/octet-stream',
    content: new Uint8Array(await file.arrayBuffer()),
  };
}

/** The key of a write; operations that do not take one may be repeated as they are. */
function keyInput({ headers }: HttpEvent, operation: Operation): OperationInput {
  const idempotencyKey = headers['idempotency-key'];
  return operation.parameterNames.includes('idempotencyKey') ? { idempotencyKey } : {};
}

/** A key that has no effect must not be taken for a promise. */
function warnOfKey({ headers }: HttpEvent, { parameterNames, routes }: Operation): Record<string, string> {
  const isRead = routes.every(({ method }) => method === 'GET');
  if (headers['idempotency-key'] === undefined || isRead || parameterNames.includes('idempotencyKey'))
    return {};
  return {
    'idempotency-warning': 'this call does not support idempotency keys; repeating it repeats its effect',
  };
}

/** Asks the instance to leave the record out of its answer to a write. */
function forwardedHeaders(headers: HttpEvent['headers'], operation: Operation): Record<string, string> {
  const silent =
    operation.body !== undefined && headers['x-no-response-body']?.trim().toLowerCase() === 'true';
  return silent ? { 'x-no-response-body': 'true' } : {};
}

/**
 * The JSON body of a request.
 * @throws InvalidInputError when it is empty, not UTF-8, not JSON, or nested too deeply
 * @throws UnsupportedMediaTypeError when its headers say that it is not JSON
 */
function readJsonBody(event: HttpEvent): unknown {
  refuseDamagedText(event, '');
  requireJson(event);
  const text = decode(event);
  if (text.trim() === '') throw new InvalidInputError('body', 'must not be empty; expected a JSON object');
  if (isTooDeepText(text)) throw new InvalidInputError('body', tooDeep);
  try {
    return parseJson(text);
  } catch (cause) {
    throw new InvalidInputError('body', `is not valid JSON${whereIn(cause)}${hint(text)}`, { cause });
  }
}

/** API Gateway decodes text as UTF-8 and puts U+FFFD for what is none; then the length is not what the caller announced. */
function refuseDamagedText({ body = '', isBase64Encoded, headers }: HttpEvent, advice: string): void {
  const announced = Number(headers['content-length'] || Number.NaN);
  const isWhole = Number.isNaN(announced) || announced === Buffer.byteLength(body);
  if (!isBase64Encoded && !isWhole && body.includes('\uFFFD'))
    throw new InvalidInputError('body', `is not UTF-8 text${advice}`);
}

function isIdentity(encoding: string): boolean {
  return encoding.trim().toLowerCase() === 'identity';
}

/** Without a Content-Type the body is taken for JSON, as ServiceNow does. */
function requireJson({ headers, body = '', isBase64Encoded }: HttpEvent): void {
  const encoding = headers['content-encoding'] || 'identity';
  if (!isIdentity(encoding)) throw new UnsupportedMediaTypeError('content-encoding', encoding);
  const type = headers['content-type'] || 'application/json';
  // A header that is given twice comes as one.
  const isJson = type
    .split(',')
    .every((one) => /^(?:application\/(?:[\w.-]+\+)?|text\/)json\s*(?:;|$)/i.test(one.trim()));
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  const isAscii = bytes.every((byte) => byte > 0 && byte < 0x80);
  if (!isJson || !(isUtf8(type) || (isAscii && asciiSuperset.test(type))))
    throw new UnsupportedMediaTypeError('content-type', type);
}

/** Encodings in which plain ASCII means the same. */
const asciiSuperset = /charset\s*=\s*"?(?:iso-8859-\d|windows-125\d|latin)/i;

function isUtf8(contentType: string): boolean {
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  return /^(?:utf-?8|us-ascii)$/i.test(charset);
}

function decode({ body = '', isBase64Encoded = false }: HttpEvent): string {
  // Some editors and shells begin a file with a byte order mark, which does not belong to the text.
  if (!isBase64Encoded) return body.replace(/^\uFEFF/, '');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(body, 'base64'));
  } catch (cause) {
    throw new InvalidInputError('body', 'is not UTF-8 text', { cause });
  }
}

/** The parser's position, but not its message, which quotes the body. */
function whereIn(cause: unknown): string {
  const position = cause instanceof Error ? /position (\d+)/.exec(cause.message)?.[1] : undefined;
  return position === undefined ? '' : ` at character ${position}`;
}

const jsonString = /"(?:[^"\\]|\\.)*"?/gs;

/** ServiceNow's own curl examples put JSON into single quotes, which some shells pass on. */
function hint(text: string): string {
  return text.replaceAll(jsonString, '').includes("'")
    ? "; JSON strings use double quotes, not single ones (')"
    : '';
}
