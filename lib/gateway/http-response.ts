import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { AnswerTooLargeError, ConnectorError, InvalidInputError } from '../core/errors.ts';
import { importFailure } from '../operations/import-failure.ts';
import { toSnakeCase } from '../operations/parameters.ts';
import type { ServiceNowResponse } from '../servicenow/call.ts';
import { ServiceNowError } from '../servicenow/service-now-error.ts';
import { linkHeaderToOurs, linksToOurs, toOurs } from './links.ts';

/** What API Gateway takes from a function. */
export type HttpResponse = {
  readonly statusCode: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
};

const passedOn = /^(?:x-total-count|retry-after|x-transaction-id|x-ratelimit-.*|idempotency-.*)$/;

/**
 * ServiceNow's answer as ours: status and body unchanged, but every URL of the instance's REST API leads to our address. A
 * client follows such links with its credentials for us, which the instance must never get.
 */
export function toHttpResponse(response: ServiceNowResponse, address: string): HttpResponse {
  if (response.body instanceof Uint8Array) return fileResponse(response, response.body, address);
  const failed = importFailure(response.body) !== undefined;
  const headers = { ...passOn(response.headers, address), ...(failed && { 'x-import-status': 'error' }) };
  if (response.body === undefined) return { statusCode: response.status, headers };
  return jsonResponse(response.status, headers, linksToOurs(response.body, address));
}

/** Headers of a file that clients read its name and type from. */
const ofFile = ['content-type', 'content-disposition', 'x-attachment-metadata'];

function fileResponse(
  { status, headers }: ServiceNowResponse,
  content: Uint8Array,
  address: string,
): HttpResponse {
  const toOurLink = (value: string) =>
    value.replace(
      /("download_link":")([^"]*)/,
      (_match, name: string, url: string) => name + toOurs(url, address),
    );
  const own = Object.entries(headers)
    .filter(([name]) => ofFile.includes(name))
    .map(([name, value]) => [name, toOurLink(value)]);
  return {
    statusCode: status,
    headers: { ...passOn(headers, address), ...Object.fromEntries(own) },
    body: Buffer.from(content).toString('base64'),
    isBase64Encoded: true,
  };
}

function jsonResponse(
  statusCode: number,
  headers: Readonly<Record<string, string>>,
  body: unknown,
): HttpResponse {
  const contentType = { 'content-type': 'application/json;charset=UTF-8' };
  return { statusCode, headers: { ...contentType, ...headers }, body: JSON.stringify(body) };
}

/** The headers of an instance that our callers get too. @param headers lower-case names */
function passOn(headers: Readonly<Record<string, string>>, address: string): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => passedOn.test(name));
  const { location } = headers;
  const link = headers['link'] && linkHeaderToOurs(headers['link'], address);
  return {
    ...Object.fromEntries(kept),
    ...(link && { link }),
    ...(location && { location: toOurs(location, address) }),
  };
}

/** How long a caller should wait when the instance did not say, in seconds. */
const defaultRetryAfterSeconds = 30;

/**
 * An error as an answer. What ServiceNow refused keeps its status and body; everything else gets ServiceNow's envelope.
 * An outage is 503 with `Retry-After`, except after a write that may have taken effect: repeating that is not safe.
 * @param address where the caller reached us, for headers that hold URLs
 */
export function toErrorResponse(error: unknown, address: string): HttpResponse {
  if (!(error instanceof ConnectorError)) return internalError;
  const status = error.httpStatus;
  const headers = { ...errorHeaders(error, status, address), 'x-error-code': error.code };
  if (isRefusal(error)) return jsonResponse(status, headers, error.body);
  return jsonResponse(
    status,
    headers,
    envelope(error.ownAnswer?.title ?? 'Operation Failed', describe(error)),
  );
}

function envelope(message: string, detail: string) {
  return { error: { message, detail }, status: 'failure' };
}

/** Nothing about an error that we did not foresee is shown; the log has it. */
const internalError: HttpResponse = jsonResponse(
  500,
  { 'x-error-code': 'INTERNAL' },
  envelope('Internal error', 'See the log of the function under the id of this request'),
);

/** True when the body is ServiceNow's own account of why it refused this call, and not one that was made for its token. */
function isRefusal(error: ConnectorError): error is ServiceNowError {
  if (!(error instanceof ServiceNowError) || !error.sent) return false;
  return !error.ownAnswer && error.body !== undefined && error.httpStatus === error.status;
}

/** A call that was not made has no headers of its own: those of an earlier one would point to another transaction. */
function errorHeaders(error: ConnectorError, status: number, address: string): Record<string, string> {
  const answered = error instanceof ServiceNowError && error.sent ? passOn(error.headers, address) : {};
  const { retryAfterMs } = error;
  const says = status === 503 || ((status === 429 || status === 504) && retryAfterMs !== undefined);
  if (!says || answered['retry-after']) return answered;
  const seconds = retryAfterMs === undefined ? defaultRetryAfterSeconds : Math.ceil(retryAfterMs / 1000);
  return { ...answered, 'retry-after': String(Math.max(1, seconds)) };
}

function describe(error: ConnectorError): string {
  return error instanceof InvalidInputError ? `${httpName(error.field)}: ${error.reason}` : error.message;
}

/** Parameters without `sysparm_` whose names over HTTP have underscores; `tableName` is that of a path. */
const spelledInSnakeCase = new Set([
  'multi_import_set_id',
  'run_after',
  'table_sys_id',
  'file_name',
  'creation_time',
  'encryption_context',
  'batch_request_id',
  'rest_requests',
]);

/** A parameter as the HTTP caller spelled it: the WSO2 connector's names stand for ServiceNow's here. */
function httpName(field: string): string {
  if (/^sysparm[^_]/.test(field)) return toSnakeCase(field);
  if (field === 'idempotencyKey') return 'idempotency-key';
  if (field === 'contentType') return 'content-type';
  const [first = ''] = field.split(/[.[]/);
  if (spelledInSnakeCase.has(toSnakeCase(first))) return toSnakeCase(first) + field.slice(first.length);
  return field.replace(/^keyValuePairs\.?/, '').replace(/^record(?=$|\.)/, 'body') || 'query';
}

/** A function's answer, as JSON, may hold 6 MB (Lambda quotas, "Invocation payload"); 64 KB of it are left for headers. */
const maxAnswerBytes = 6 * 1024 * 1024 - 64 * 1024;

const compress = promisify(gzip);

/** What a caller can do about an answer that is too large. */
const askForLess = 'request fewer columns or rows with sysparm_fields and sysparm_limit';

/**
 * An answer that Lambda can return: unchanged when it is small enough, else compressed.
 * @param acceptEncoding the caller's header of that name
 * @throws AnswerTooLargeError when the caller does not accept gzip, or when even the compressed answer is too large
 */
export async function fitResponse(
  response: HttpResponse,
  acceptEncoding: string | undefined,
): Promise<HttpResponse> {
  const { body = '', isBase64Encoded = false } = response;
  if ((isBase64Encoded ? body.length : carriedBytes(body)) <= maxAnswerBytes) return response;
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  const advice = isBase64Encoded
    ? 'download the file from the instance itself (the limit for a file is 4.4 MB, since base64 makes it a third larger)'
    : askForLess;
  if (!acceptsGzip(acceptEncoding))
    throw new AnswerTooLargeError(bytes.byteLength, `send Accept-Encoding: gzip, or ${advice}`);
  const packed = (await compress(bytes)).toString('base64');
  if (packed.length > maxAnswerBytes) throw new AnswerTooLargeError(bytes.byteLength, advice);
  const headers = { ...response.headers, 'content-encoding': 'gzip', vary: 'accept-encoding' };
  return { ...response, headers, body: packed, isBase64Encoded: true };
}

/** The size of a text as a JSON string: quotes and backslashes take two bytes there. Short texts are not worth counting. */
function carriedBytes(text: string): number {
  return text.length * 3 < maxAnswerBytes ? text.length : Buffer.byteLength(JSON.stringify(text));
}

function acceptsGzip(acceptEncoding = ''): boolean {
  const codings = acceptEncoding.split(',').map((coding) => coding.trim().toLowerCase());
  return codings.some((coding) => /^(?:gzip|\*)(?:\s*;\s*q=(?!0(?:\.0*)?$).+)?$/.test(coding));
}

/**
 * The result of a direct Invoke, if Lambda can return it; there is no compression on that way.
 * @throws AnswerTooLargeError
 */
export function fitResult<T>(result: T): T {
  const text = JSON.stringify(result);
  if (text.length * 3 < maxAnswerBytes) return result;
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxAnswerBytes) return result;
  throw new AnswerTooLargeError(bytes, askForLess);
}
