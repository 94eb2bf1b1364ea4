import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { deliverBroken } from '../control/deliver.ts';
import type { Delivery } from '../control/fault.ts';
import type { Answer } from './exchange.ts';
import { noCaching } from './headers.ts';
import { toXml } from './xml.ts';

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
  return /\b(application|text)\/xml\b/.test(accept) && !accept.includes('application/json');
}

const accepts = (request: IncomingMessage, encoding: string) =>
  String(request.headers['accept-encoding'] ?? '').includes(encoding);

/** The body of an answer, and its type unless the answer itself tells it. */
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
