import { singleFlight } from '../core/single-flight.ts';
import { waitFor } from '../core/wait-for.ts';
import { type Connection, type ConnectionSettings, openConnection } from './connection.ts';
import type { CallContext } from './request.ts';

/**
 * Gives the JSON of the secret. `fresh` bypasses whatever is cached: it is asked for once, after the instance refused
 * what the cached one says.
 */
export type ReadSecret = (options: { readonly fresh: boolean }) => string | Promise<string>;

/** The connection that the secret describes at present. */
export type ConnectionSource = {
  /** At once while the secret is at hand, as it is for all calls but the first. */
  current(context: CallContext): Connection | Promise<Connection>;
  /** Reads the secret again unless that has been done since `refused` was opened; gives `refused` itself when nothing changed. */
  reload(refused: Connection, context: CallContext): Promise<Connection>;
  close(): Promise<void>;
};

/** A secret that was just read again and found unchanged is not read again for this long, however many calls are refused. */
const readAgainAfterMs = 30_000;

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
    previous?.transport
      .retire()
      .catch((error: unknown) => settings.log.warn('close-failed', { reason: String(error) }));
    return connection;
  };
  let unchangedAtMs = Number.NEGATIVE_INFINITY;
  const readAgain = singleFlight(async () => {
    const before = connection;
    const present = adopt(await readSecret({ fresh: true }));
    if (present === before) unchangedAtMs = settings.clock.now();
    return present;
  });
  return {
    current(context) {
      const read = readSecret({ fresh: false });
      return typeof read === 'string' ? adopt(read) : waitFor(read.then(adopt), context, settings.clock);
    },
    async reload(refused, context) {
      const justRead = settings.clock.now() - unchangedAtMs < readAgainAfterMs;
      if (connection && (connection !== refused || justRead)) return connection;
      return waitFor(readAgain(), context, settings.clock);
    },
    close: async () => connection?.transport.close(),
  };
}
