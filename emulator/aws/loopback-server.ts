import { createServer, type RequestListener, type Server } from 'node:http';
import { refuseForeign } from '../foreign-request.ts';

/** A port of 127.0.0.1 that cannot be listened on. */
export class PortUnavailableError extends Error {
  override name = 'PortUnavailableError' as const;
  /** What was to listen there, e.g. `SQS`. */
  readonly service: string;
  readonly port: number;

  constructor(service: string, port: number, cause: unknown) {
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
    super(
      `${service} cannot listen on 127.0.0.1:${port}${isTaken ? ', which is in use' : ''}; choose another port`,
      { cause },
    );
    this.service = service;
    this.port = port;
  }
}

/** An HTTP server that only this machine can reach. */
export type LoopbackServer = {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and drops every connection, idle or not. */
  close(): Promise<void>;
};

/** Beyond what any service here takes, so that the service itself refuses what is longer. */
const maxHeaderBytes = 256 * 1024;

/** Longer than a busy machine lets a process stand still: what a client sends on a connection that is being closed is lost. */
const idleConnectionMs = 120_000;

/**
 * Listens on 127.0.0.1, on a free port when `port` is 0. Requests that other sites cause in a browser on this machine get a 403.
 * @param service what listens there, for the error
 * @throws {PortUnavailableError}
 */
export function listenOnLoopback(
  handler: RequestListener,
  port = 0,
  service = 'The server',
): Promise<LoopbackServer> {
  return listenWith(
    createServer({ requestTimeout: 0, maxHeaderSize: maxHeaderBytes }, handler),
    port,
    service,
  );
}

/** As `listenOnLoopback`, for a server that exists. */
export function listenWith(server: Server, port: number, service: string): Promise<LoopbackServer> {
  refuseForeign(server);
  return listenUnguarded(server, port, service);
}

/** As `listenWith`, for a server that sees by itself who asks. */
export async function listenUnguarded(
  server: Server,
  port: number,
  service: string,
): Promise<LoopbackServer> {
  server.keepAliveTimeout = idleConnectionMs;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new PortUnavailableError(service, port, cause)));
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('an HTTP server has a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
