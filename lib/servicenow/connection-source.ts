import { singleFlight } from '../core/single-flight.ts';
import { waitFor } from '../core/wait-for.ts';
import type { CallContext } from './call.ts';
import { type Connection, type ConnectionSettings, openConnection } from './connection.ts';

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

/** A secret that was just read again and is as bad as before is not read again for this long, however many calls fail. */
const readAgainAfterMs = 30_000;

/** A source that opens its connection on first use. */
export function createConnectionSource(
  readSecret: ReadSecret,
  settings: ConnectionSettings,
): ConnectionSource {
  let json: string | undefined;
  let connection: Connection | undefined;
  let unusable: { readonly json: string; readonly atMs: number } | undefined;
  const open = (read: string): Connection => {
    try {
      return openConnection(read, settings);
    } catch (error) {
      if (unusable?.json !== read) unusable = { json: read, atMs: settings.clock.now() };
      throw error;
    }
  };
  const adopt = (read: string): Connection => {
    if (connection && read === json) return connection;
    const previous = connection;
    connection = open(read);
    json = read;
    previous?.transport
      .retire()
      .catch((error: unknown) => settings.log.warn('close-failed', { reason: String(error) }));
    return connection;
  };
  let unchangedAtMs = Number.NEGATIVE_INFINITY;
  const readAgain = singleFlight(async () => {
    const before = connection;
    const read = await readSecret({ fresh: true });
    unusable = undefined;
    const present = adopt(read);
    if (present === before) unchangedAtMs = settings.clock.now();
    return present;
  });
  /** A text that could not be used may have been put right since: the cache would hide that. */
  const isWorthReadingAgain = (read: string) =>
    unusable?.json === read && settings.clock.now() - unusable.atMs >= readAgainAfterMs;
  return {
    current(context) {
      const read = readSecret({ fresh: false });
      if (typeof read !== 'string') return waitFor(read.then(adopt), context, settings.clock);
      return isWorthReadingAgain(read) ? waitFor(readAgain(), context, settings.clock) : adopt(read);
    },
    async reload(refused, context) {
      const justRead = settings.clock.now() - unchangedAtMs < readAgainAfterMs;
      if (connection && (connection !== refused || justRead)) return connection;
      return waitFor(readAgain(), context, settings.clock);
    },
    close: async () => connection?.transport.close(),
  };
}
