import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { deliverBroken } from '../control/deliver.ts';
import type { Delivery } from '../control/fault.ts';
import type { Answer } from './exchange.ts';
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

export function wantsXml(request: Pick<IncomingMessage, 'headers'>): boolean {
  const accept = request.headers.accept ?? '';
  return /\b(application|text)\/xml\b/.test(accept) && !accept.includes('application/json');
}

const accepts = (request: IncomingMessage, encoding: string) =>
  String(request.headers['accept-encoding'] ?? '').includes(encoding);

/** The body of an answer, and its type unless the answer itself tells it. */
export function render(answer: Answer, xml: boolean): { bytes: Buffer; type?: string } {
  if (answer.bytes) return { bytes: answer.bytes };
  if (answer.json === undefined) return { bytes: Buffer.alloc(0) };
  return xml
    ? { bytes: Buffer.from(toXml(answer.json)), type: 'application/xml;charset=UTF-8' }
    : { bytes: Buffer.from(JSON.stringify(answer.json)), type: 'application/json;charset=UTF-8' };
}
