import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** A request as the server saw it. */
type Seen = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
};
/** Answers one request; may destroy the socket instead. */
export type Answerer = (response: ServerResponse, seen: Seen, index: number) => void | Promise<void>;

export type ScriptedServer = {
  readonly url: string;
  readonly port: number;
  readonly seen: Seen[];
  readonly server: Server;
};

/** A real HTTP(S) server on loopback whose answers the test writes; closed when the test ends. */
export async function scriptedServer(answer: Answerer, tls?: ServerOptions): Promise<ScriptedServer> {
  const seen: Seen[] = [];
  const listen = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = request;
    const entry = { method, url, headers, body: await text(request) };
    await answer(response, entry, seen.push(entry) - 1);
  };
  const server = tls ? createTlsServer(tls, listen) : createServer(listen);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = addressOf(server);
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, port, seen, server };
}

/** A server that works on each call for some milliseconds; `most` is how many calls it had in flight at once. */
export async function busyServer(answer: (response: ServerResponse) => void) {
  let inFlight = 0;
  let most = 0;
  const { url } = await scriptedServer(async (response) => {
    most = Math.max(most, ++inFlight);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inFlight -= 1;
    answer(response);
  });
  return { url, most: () => most };
}

/** Answers with JSON as ServiceNow does. */
export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'content-type': 'application/json;charset=UTF-8',
    'x-transaction-id': 'abc123def456',
    ...headers,
  });
  response.end(JSON.stringify(body));
}

/** Answers with ServiceNow's error envelope. */
export function refuse(
  response: ServerResponse,
  status: number,
  message: string,
  detail = '',
  headers: Record<string, string> = {},
): void {
  json(response, status, { error: { message, detail }, status: 'failure' }, headers);
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (typeof address === 'object' && address) return address;
  throw new Error('the server has no port');
}
