import { createServer, type RequestListener, type Server } from 'node:http';
import { ConfigurationError } from '../../lib/core/errors.ts';

/** An HTTP server that only this machine can reach. */
export type LoopbackServer = {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and drops every connection, idle or not. */
  close(): Promise<void>;
};

/**
 * Listens on 127.0.0.1, on a free port when `port` is 0.
 * @throws {ConfigurationError} when the port cannot be had; the message names it.
 */
export function listenOnLoopback(handler: RequestListener, port = 0): Promise<LoopbackServer> {
  return listenWith(createServer({ requestTimeout: 0 }, handler), port);
}

/** As `listenOnLoopback`, for a server that exists. */
export async function listenWith(server: Server, port: number): Promise<LoopbackServer> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new ConfigurationError('port', `cannot listen on 127.0.0.1:${port}; choose another port`, { cause }),
      );
    });
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
