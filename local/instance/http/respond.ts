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
  const { bytes, type } = render(answer, wantsXml(request));
  const headers: OutgoingHttpHeaders = { ...extra, ...answer.headers };
  if (bytes.length > 0 && type !== undefined) headers['Content-Type'] ??= type;
  // As recorded: what has no body says nothing of caching either.
  if (bytes.length === 0) for (const name of Object.keys(noCaching)) delete headers[name];
  const zipped = bytes.length >= gzipFromBytes && accepts(request, 'gzip');
  if (zipped) headers['Content-Encoding'] = 'gzip';
  const body = zipped ? gzipSync(bytes, { level: 1 }) : bytes;
  if (delivery) {
    deliverBroken(response, answer.status, headers, body, delivery);
    return;
  }
  response.writeHead(answer.status, headers);
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Whether the caller asks for XML and not for JSON. */
export function wantsXml(request: Pick<IncomingMessage, 'headers'>): boolean {
  const accept = request.headers.accept ?? '';
  return /\b(application|text)\/xml\b/.test(accept) && !accept.includes('application/json');
}

const accepts = (request: IncomingMessage, encoding: string) =>
  String(request.headers['accept-encoding'] ?? '').includes(encoding);

/** The body of an answer, and its type unless the answer itself tells it. */
export function render(answer: Answer, xml: boolean): { bytes: Buffer; type?: string } {
  if (answer.bytes) return { bytes: answer.bytes };
  const json = jsonOf(answer, xml);
  if (json !== undefined && xml)
    return { bytes: Buffer.from(toXml(json)), type: 'application/xml;charset=UTF-8' };
  const written = json === undefined ? answer.jsonBytes : Buffer.from(JSON.stringify(json));
  return written ? { bytes: written, type: 'application/json;charset=UTF-8' } : { bytes: Buffer.alloc(0) };
}

/** The JSON of an answer as a value; one already written is parsed only when `needed`. */
export function jsonOf(answer: Answer, needed = true): unknown {
  if (answer.json !== undefined || !answer.jsonBytes || !needed) return answer.json;
  return JSON.parse(answer.jsonBytes.toString());
}
