import { singleFlight } from '../core/single-flight.ts';
import { waitFor } from '../core/wait-for.ts';
import { type Connection, type ConnectionSettings, openConnection } from './connection.ts';
import type { CallContext } from './request.ts';

/**
 * Gives the JSON of the secret. `fresh` bypasses whatever is cached: it is asked for once, after the instance refused
 * what the cached one says.
 */
export type ReadSecret = (options: { readonly fresh: boolean }) => Promise<string>;

/** The connection that the secret describes at present. */
export type ConnectionSource = {
  current(context: CallContext): Promise<Connection>;
  /** Reads the secret again unless that has been done since `refused` was opened; gives `refused` itself when nothing changed. */
  reload(refused: Connection, context: CallContext): Promise<Connection>;
  close(): Promise<void>;
};

/** A source that opens its connection on first use. */
export function createConnectionSource(
  readSecret: ReadSecret,
  settings: ConnectionSettings,
): ConnectionSource {
  let json: string | undefined;
  let connection: Connection | undefined;
  const adopt = (read: string): Connection => {
    if (connection && read === json) return connection;
    const previous = connection;
    connection = openConnection(read, settings);
    json = read;
    // Calls in flight on the old sockets end by themselves; closing waits for them.
    previous?.transport
      .close()
      .catch((error: unknown) => settings.log.warn('close-failed', { reason: String(error) }));
    return connection;
  };
  const read = singleFlight(async () => adopt(await readSecret({ fresh: false })));
  const readAgain = singleFlight(async () => adopt(await readSecret({ fresh: true })));
  return {
    current: (context) => waitFor(read(), context, settings.clock),
    reload: async (refused, context) =>
      connection && connection !== refused ? connection : waitFor(readAgain(), context, settings.clock),
    close: async () => connection?.transport.close(),
  };
}
