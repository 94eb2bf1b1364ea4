import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Delivery } from './fault.ts';

/** Lets an answer leave as the fault wants it: not at all, cut short, or with a pause. */
export function deliverBroken(
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
