import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import type { Answer } from './exchange.ts';

/** Nothing that an instance answers may be cached. */
export const noCaching = {
  Pragma: 'no-store,no-cache',
  'Cache-Control': 'no-cache,no-store,must-revalidate,max-age=-1',
  Expires: '0',
} as const;

/**
 * What an instance puts on every answer of its own (recorded 2018 to 2026). `loggedIn` is undefined on a 401, which
 * carries neither X-Is-Logged-In nor a transaction id. `sessionId` is that of a session which the answer opens.
 */
export function standardHeaders(
  transactionId: string,
  loggedIn: boolean | undefined,
  waits: { readonly semaphoreMs: number; readonly sessionMs: number },
  sessionId: string | undefined,
): OutgoingHttpHeaders {
  return {
    Server: 'ServiceNow',
    ...(loggedIn !== undefined && { 'X-Is-Logged-In': String(loggedIn) }),
    ...(loggedIn !== undefined && { 'X-Transaction-ID': transactionId }),
    'Server-Timing': `${loggedIn === undefined ? '' : `t;desc="${transactionId}", `}sem_wait;dur=${Math.round(waits.semaphoreMs)}, sesh_wait;dur=${Math.round(waits.sessionMs)}`,
    ...noCaching,
    'X-Content-Type-Options': 'nosniff',
    'Strict-Transport-Security': 'max-age=63072000; includeSubDomains',
    ...(sessionId !== undefined && { 'Set-Cookie': sessionCookies(sessionId) }),
  };
}

function sessionCookies(session: string): string[] {
  return [
    `JSESSIONID=${session}; Path=/; HttpOnly; SameSite=None; Secure`,
    'glide_user=; Max-Age=0; Expires=Thu, 01-Jan-1970 00:00:10 GMT; Path=/; HttpOnly; SameSite=None; Secure',
    'glide_user_session=; Max-Age=0; Expires=Thu, 01-Jan-1970 00:00:10 GMT; Path=/; HttpOnly; SameSite=None; Secure',
    `glide_user_route=glide.${session.toLowerCase()}; Max-Age=2147483647; Path=/; HttpOnly; SameSite=None; Secure`,
    `glide_node_id_for_js=${session.toLowerCase()}${session.toLowerCase()}; Path=/; Secure`,
    'glide_session_store=; Max-Age=300; Path=/; HttpOnly; SameSite=None; Secure',
    'BIGipServerpool_emulator=0000000000.00000.0000; path=/; Httponly; Secure; SameSite=None; Secure',
  ];
}

const require = createRequire(import.meta.url);

/** Loaded by the first XML: few runs of the instance see any, and its start is held to a limit. */
const library = (): typeof import('fast-xml-parser') => require('fast-xml-parser');

/** An answer as XML: the keys of the JSON answer below `<response>`, one `<result>` per record. */
function toXml(json: unknown): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${new (library().XMLBuilder)({ suppressEmptyNode: true }).build({ response: json })}`;
}

/**
 * The record in an XML body: what stands in the first `<entry>` below the root, or directly below the root.
 * @throws Error when it is not well-formed.
 */
export function fromXml(text: string): unknown {
  const document: unknown = new (library().XMLParser)({ parseTagValue: false, ignoreAttributes: true }).parse(
    text,
    true,
  );
  const root = Object.entries(isObject(document) ? document : {}).find(
    ([name]) => !name.startsWith('?'),
  )?.[1];
  if (!isObject(root)) return {};
  return 'entry' in root ? root['entry'] : root;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** How the bytes of an answer leave, when not whole and at once. */
export type Delivery =
  /** The socket is destroyed (RST) before a byte is sent. */
  | { readonly kind: 'reset' }
  /** Headers promise the whole body; the socket is destroyed after so many bytes of it. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** So many bytes of the body, then silence for `stallMs`, then the rest. */
  | { readonly kind: 'stall'; readonly afterBytes: number; readonly stallMs: number };

/** Lets an answer leave as the fault wants it: not at all, cut short, or with a pause. */
function deliverBroken(
  response: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders,
  body: Buffer,
  delivery: Delivery,
): void {
  if (delivery.kind === 'reset') {
    resetConnection(response);
    return;
  }
  response.writeHead(status, { ...headers, 'Content-Length': body.length });
  const head = body.subarray(0, delivery.afterBytes);
  if (delivery.kind === 'truncate') {
    response.write(head, () => response.destroy());
    return;
  }
  response.write(head);
  const rest = setTimeout(() => response.end(body.subarray(head.length)), delivery.stallMs).unref();
  response.once('close', () => clearTimeout(rest));
}

/** Node resets plain TCP sockets only; a TLS connection ends without its closing message instead. */
export function resetConnection({ socket }: ServerResponse): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket?.resetAndDestroy();
}

const gzipFromBytes = 200;

/** Writes the answer in the format and encoding that the request accepts. `extra` are headers of the instance itself. */
export function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  extra: OutgoingHttpHeaders,
  delivery?: Delivery,
): void {
  const { pieces, type } = write(answer, wantsXml(request));
  const byteLength = lengthOf(pieces);
  const headers: OutgoingHttpHeaders = { ...extra, ...answer.headers };
  if (byteLength > 0 && type !== undefined) headers['Content-Type'] ??= type;
  // As recorded: what has no body says nothing of caching either.
  if (byteLength === 0) for (const name of Object.keys(noCaching)) delete headers[name];
  const zipped = byteLength >= gzipFromBytes && accepts(request, 'gzip');
  if (zipped) headers['Content-Encoding'] = 'gzip';
  const body = zipped ? [gzipSync(Buffer.concat(pieces), { level: 1 })] : pieces;
  if (delivery) {
    deliverBroken(response, answer.status, headers, Buffer.concat(body), delivery);
    return;
  }
  response.writeHead(answer.status, headers);
  // A long list goes out in the pieces it is made of: to copy its 20 MB takes as long as to send them.
  for (const piece of request.method === 'HEAD' ? [] : body) response.write(piece);
  response.end();
}

const lengthOf = (pieces: readonly Uint8Array[]) => pieces.reduce((sum, piece) => sum + piece.length, 0);

/** Whether the caller asks for XML and not for JSON. */
export function wantsXml(request: Pick<IncomingMessage, 'headers'>): boolean {
  const accept = request.headers.accept ?? '';
  return /\b(application|text)\/xml\b/i.test(accept) && !/application\/json/i.test(accept);
}

const accepts = (request: IncomingMessage, encoding: string) =>
  String(request.headers['accept-encoding'] ?? '').includes(encoding);

/** The body of an answer, and its type unless the answer itself has one. */
export function render(answer: Answer, xml: boolean): { bytes: Buffer; type?: string } {
  const { pieces, ...type } = write(answer, xml);
  return { bytes: Buffer.concat(pieces), ...type };
}

function write(answer: Answer, xml: boolean): { pieces: readonly Uint8Array[]; type?: string } {
  if (answer.bytes) return { pieces: [answer.bytes] };
  const json = jsonOf(answer, xml);
  if (json !== undefined && xml)
    return { pieces: [Buffer.from(toXml(json))], type: 'application/xml;charset=UTF-8' };
  const pieces = json === undefined ? answer.jsonBytes : [Buffer.from(JSON.stringify(json))];
  return pieces ? { pieces, type: 'application/json;charset=UTF-8' } : { pieces: [] };
}

/** The JSON of an answer as a value; one already written is parsed only when `needed`. */
export function jsonOf(answer: Answer, needed = true): unknown {
  if (answer.json !== undefined || !answer.jsonBytes || !needed) return answer.json;
  return JSON.parse(Buffer.concat(answer.jsonBytes).toString());
}
