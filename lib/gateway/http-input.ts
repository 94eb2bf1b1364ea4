import { InvalidInputError } from '../core/errors.ts';
import { correlationIdFrom } from '../core/log.ts';
import { parseJson } from '../core/parse-json.ts';
import type { Operation, OperationInput } from '../operations/define-operation.ts';
import { toCamelCase } from '../operations/parameters.ts';
import { isTooDeepText } from '../operations/record-input.ts';
import { NotAcceptableError, UnsupportedMediaTypeError } from './errors.ts';
import { type HttpEvent, pathParameters, type RequestPath } from './http-event.ts';

/** What a caller wants, whichever way the call came in. */
export type Call = {
  readonly input: OperationInput;
  /** The instance that the caller named; absent means the deployment's first. */
  readonly instance: string | undefined;
  readonly correlationId: string;
  /** What the instance gets as the caller sent it. */
  readonly forwarded: {
    readonly query: readonly (readonly [string, string])[];
    /** Lower-case names. */
    readonly headers: Readonly<Record<string, string>>;
  };
  /** The key of a direct Invoke that names none: Lambda repeats it under the same request id. */
  readonly invocationKey?: string;
  /** Headers of the answer that report what was not understood. */
  readonly notes: Readonly<Record<string, string>>;
};

/**
 * A request in ServiceNow's own form, in the operations' terms.
 * @throws ConnectorError when path, query, headers or body cannot be used
 */
export async function readHttpCall(event: HttpEvent, path: RequestPath, operation: Operation): Promise<Call> {
  if (!path.resource.endsWith('/file')) checkAccept(event.headers);
  const variables = pathParameters(event.rawPath, path, operation);
  const { input, forwarded, notes } = readQuery(event.rawQueryString, queryNames(operation));
  const body = await bodyInput(event, path, operation);
  return {
    input: { ...input, ...body, ...keyInput(event, operation), ...variables },
    instance: event.headers['x-servicenow-instance'] || undefined,
    correlationId: correlationIdFrom(event.headers['x-correlation-id'] ?? event.requestContext.requestId),
    forwarded: { query: forwarded, headers: forwardedHeaders(event.headers, operation) },
    notes,
  };
}

function checkAccept(headers: HttpEvent['headers']): void {
  const accept = headers['accept'] || '*/*';
  if (!/\*\/\*|application\/(?:\*|json)|text\/(?:\*|json)/i.test(accept))
    throw new NotAcceptableError(accept);
}

/** The parameters that may stand in the query; those of the path may not. */
function queryNames({ routes, parameterNames }: Operation): readonly string[] {
  return parameterNames.filter((name) => !routes.some(({ path }) => path.includes(`{${name}}`)));
}

/** Parameters of insertMultiple and of attachments; alone among ServiceNow's, their names do not start with `sysparm_`. */
const bareNames = new Set([
  'multi_import_set_id',
  'run_after',
  'table_name',
  'table_sys_id',
  'file_name',
  'creation_time',
  'encryption_context',
]);

/** A query string in the operations' terms. */
type QueryInput = Pick<Call, 'input' | 'notes'> & { readonly forwarded: Call['forwarded']['query'] };

/**
 * Sorts the query parameters as ServiceNow does: `sysparm_…` are parameters, all others are `column=value` pairs where
 * the operation takes pairs and no encoded query is given. What an instance ignores is ignored, and reported in a header.
 * @param known the operation's parameter names
 * @throws InvalidInputError where a mistake would widen the query: a damaged, misspelt or contradicting condition
 */
export function readQuery(rawQueryString: string, known: readonly string[]): QueryInput {
  const entries = distinct([...new URLSearchParams(rawQueryString)], known);
  refuseDamaged(rawQueryString, entries);
  for (const [name] of entries) refuseMisspelt(name, known);
  const parameters = entries.filter(([name]) => isParameter(name, known));
  const others = entries.filter((entry) => !parameters.includes(entry));
  const forwarded = others.filter(([name]) => name.startsWith('sysparm_'));
  const pairs = others.filter(([name]) => !name.startsWith('sysparm_'));
  const takesPairs =
    known.includes('keyValuePairs') && !parameters.some(([name, value]) => name === 'sysparm_query' && value);
  return {
    input: {
      ...Object.fromEntries(parameters.map(([name, value]) => [toCamelCase(name), value])),
      ...(takesPairs && pairs.length > 0 && { keyValuePairs: pairsOf(pairs) }),
    },
    forwarded,
    notes: {
      ...listed(
        'x-unknown-parameters',
        forwarded.filter(([name]) => name !== 'sysparm_tiny'),
      ),
      ...(!takesPairs && listed('x-ignored-parameters', pairs)),
    },
  };
}

/** `Object.fromEntries` keeps `__proto__` as a property of its own, which the check of column names then refuses. */
function pairsOf(pairs: readonly (readonly [string, string])[]): Readonly<Record<string, string>> {
  return Object.fromEntries(pairs);
}

function listed(header: string, entries: readonly (readonly [string, string])[]): Record<string, string> {
  if (entries.length === 0) return {};
  const names = entries.map(([name]) => encodeURIComponent(name.toWellFormed())).join(',');
  return { [header]: names.slice(0, 1_000) };
}

function isParameter(name: string, known: readonly string[]): boolean {
  return (name.startsWith('sysparm_') || bareNames.has(name)) && known.includes(toCamelCase(name));
}

/**
 * Of a parameter that is given more than once the first value counts, as for the servlets of an instance. Conditions that
 * contradict each other are refused: dropping one of them would widen the query.
 */
function distinct(entries: readonly [string, string][], known: readonly string[]): [string, string][] {
  const first = new Map<string, string>();
  for (const [name, value] of entries) {
    const before = first.get(name);
    const isCondition =
      name === 'sysparm_query' || name === 'sysparm_having' || !isSysparmOrParameter(name, known);
    if (before === undefined) first.set(name, value);
    else if (before !== value && isCondition && known.includes('sysparmQuery'))
      throw new InvalidInputError(
        name,
        'given more than once; alternatives go into sysparm_query (a=1^ORa=2)',
      );
  }
  return [...first];
}

function isSysparmOrParameter(name: string, known: readonly string[]): boolean {
  return name.startsWith('sysparm_') || isParameter(name, known);
}

/** Percent-encoding that is not of UTF-8 decodes to U+FFFD, which as part of a condition finds too little or, negated, too much. */
function refuseDamaged(rawQueryString: string, entries: readonly (readonly [string, string])[]): void {
  const damaged = entries.find(([name, value]) => `${name}${value}`.includes('\uFFFD'));
  if (damaged === undefined || /%EF%BF%BD|\uFFFD/i.test(rawQueryString)) return;
  throw new InvalidInputError(damaged[0].replaceAll('\uFFFD', '?'), 'its percent-encoding is not UTF-8');
}

/**
 * ServiceNow would take `sysparmQuery` for a column that no table has, drop the condition, and answer the whole table; the same
 * goes for `sysparm_qurey`. Any other misspelt name is passed on and reported.
 */
function refuseMisspelt(name: string, known: readonly string[]): void {
  if (!/^sysparm/i.test(name)) return;
  if (!name.startsWith('sysparm_'))
    throw new InvalidInputError(
      name,
      'unknown query parameter; over HTTP it is sysparm_query, sysparm_limit, …',
    );
  const isKnown = known.includes(toCamelCase(name));
  const letters = (text: string) => [...new Set(text.toLowerCase().replace(/[^a-z]/g, ''))].sort().join('');
  if (!isKnown && known.includes('sysparmQuery') && letters(name) === letters('sysparm_query'))
    throw new InvalidInputError(name, 'unknown query parameter; did you mean sysparm_query?');
}

const namesOfPath = new Set(['tableName', 'sysId', 'apiVersion']);

async function bodyInput(event: HttpEvent, path: RequestPath, operation: Operation): Promise<OperationInput> {
  const { body } = operation;
  if (body === undefined) return {};
  if (body === 'file') return fileInput(event, path);
  if (body === 'optional-record' && decode(event).trim() === '') return { record: {} };
  const value = readJsonBody(event);
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
  if (encoding !== 'identity')
    throw new UnsupportedMediaTypeError('content-encoding', encoding, 'the file unencoded');
  const bytes = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (resource === '/attachment/file') return { contentType, content: bytes };
  if (!/^multipart\/form-data\s*;/i.test(contentType ?? ''))
    throw new UnsupportedMediaTypeError('content-type', contentType ?? '(none)', 'multipart/form-data');
  const form = await readForm(bytes, contentType ?? '');
  const files = form.flatMap(([, value]) => (typeof value === 'string' ? [] : [value]));
  const [file] = files;
  if (file === undefined || files.length > 1)
    throw new InvalidInputError('body', 'must hold one file as the last part of the form');
  const fields = form.flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' && bareNames.has(name) ? [[toCamelCase(name), value]] : [],
  );
  return {
    ...Object.fromEntries(fields),
    fileName: file.name,
    contentType: file.type || 'application/octet-stream',
    content: new Uint8Array(await file.arrayBuffer()),
  };
}

async function readForm(bytes: Uint8Array<ArrayBuffer>, contentType: string) {
  try {
    const form = await new Response(bytes, { headers: { 'content-type': contentType } }).formData();
    return [...form];
  } catch (cause) {
    throw new InvalidInputError('body', 'is not a form in multipart/form-data', { cause });
  }
}

/** The key of a write; operations that do not take one may be repeated as they are. */
function keyInput({ headers }: HttpEvent, operation: Operation): OperationInput {
  const idempotencyKey = headers['idempotency-key'];
  return operation.parameterNames.includes('idempotencyKey') ? { idempotencyKey } : {};
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
  requireJson(event.headers);
  const text = decode(event);
  if (text.trim() === '') throw new InvalidInputError('body', 'must not be empty; expected a JSON object');
  if (isTooDeepText(text)) throw new InvalidInputError('body', 'is nested more than 100 levels deep');
  try {
    return parseJson(text);
  } catch (cause) {
    throw new InvalidInputError('body', `not valid JSON${whereIn(cause)}${hint(text)}`, { cause });
  }
}

/** Without a Content-Type the body is taken for JSON, as ServiceNow does. */
function requireJson(headers: HttpEvent['headers']): void {
  const encoding = headers['content-encoding'] || 'identity';
  if (encoding !== 'identity') throw new UnsupportedMediaTypeError('content-encoding', encoding);
  const type = headers['content-type'] || 'application/json';
  const isJson = /^(?:application\/(?:[\w.-]+\+)?|text\/)json\s*(?:;|$)/i.test(type.trim());
  if (!isJson || !isUtf8(type)) throw new UnsupportedMediaTypeError('content-type', type);
}

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
    throw new InvalidInputError('body', 'not UTF-8 text', { cause });
  }
}

/** The parser's position, but not its message, which quotes the body. */
function whereIn(cause: unknown): string {
  const position = cause instanceof Error ? /position (\d+)/.exec(cause.message)?.[1] : undefined;
  return position === undefined ? '' : ` at character ${position}`;
}

/** ServiceNow's own curl examples put JSON into single quotes, which some shells pass on. */
function hint(text: string): string {
  return /^\s*(?:'|\{\s*')/.test(text) ? "; JSON takes double quotes, not single ones (')" : '';
}
