import type { LookupFunction } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { ConfigurationError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Redactor } from '../core/redaction.ts';
import { singleFlight, waitFor } from '../core/shared-work.ts';
import { chooseProxy, type InstanceAddress, parseInstanceUrl } from './address.ts';
import { createCredentials } from './auth/credentials.ts';
import type { Credentials } from './auth/token.ts';
import type { CallContext } from './call.ts';
import { type ConnectionSecret, parseConnectionSecret, protectProxy, protectSecret } from './secret.ts';
import { createServerClock, type Transport } from './transport/exchange.ts';
import type { createTransport } from './transport/transport.ts';

/** Everything that one version of a secret results in. Replaced as a whole when the secret changes. */
export type Connection = {
  readonly address: InstanceAddress;
  readonly transport: Transport;
  readonly credentials: Credentials;
};

/** What the connections of one deployment have in common. */
type ConnectionSettings = {
  readonly allowedHosts: readonly string[];
  /** HTTPS_PROXY and NO_PROXY. */
  readonly proxyEnvironment: Readonly<Record<string, string | undefined>>;
  readonly maxInFlight: number;
  readonly connectTimeoutMs: number;
  readonly tokenTimeoutMs: number;
  readonly maxBodyBytes: number;
  readonly lookup: LookupFunction | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly redactor: Redactor;
};

/** Opens the sockets to an instance. */
type CreateTransport = typeof createTransport;

/** The HTTP client is half of a function's code: no cold start waits for it, and it loads while the secret is read. */
async function loadTransport(): Promise<CreateTransport> {
  const transport = await import('./transport/transport.ts');
  return transport.createTransport;
}

/** Everything that opens a connection: settings of the deployment and the HTTP client. */
type Opening = ConnectionSettings & { readonly createTransport: CreateTransport };

/**
 * Opens a connection by the JSON of a secret; no byte is sent yet.
 * @throws ConfigurationError naming the field of the secret that is wrong
 */
function openConnection(json: string, settings: Opening): Connection {
  const secret = parseConnectionSecret(json);
  protectSecret(secret, settings.redactor);
  const address = parseInstanceUrl(secret.instanceUrl, settings.allowedHosts);
  const { transport, skewMs } = observeTime(openTransport(secret, address, settings), settings.clock);
  const { origin } = address;
  return {
    address,
    transport,
    credentials: createCredentials(secret.auth, { ...settings, transport, skewMs, origin }),
  };
}

function openTransport(secret: ConnectionSecret, address: InstanceAddress, settings: Opening): Transport {
  const { clock, connectTimeoutMs, maxBodyBytes, lookup, maxInFlight: connections } = settings;
  const proxyUrl = chooseProxy(address.origin, secret.proxyUrl, settings.proxyEnvironment);
  if (proxyUrl) protectProxy(proxyUrl, settings.redactor);
  const { tls } = secret;
  return settings.createTransport({
    address,
    clock,
    tls,
    proxyUrl,
    connections,
    connectTimeoutMs,
    maxBodyBytes,
    lookup,
  });
}

/** Reads the instance's time from every answer, including refusals. */
function observeTime(inner: Transport, clock: Clock): { transport: Transport; skewMs: () => number } {
  const serverClock = createServerClock();
  const transport: Transport = {
    retire: () => inner.retire(),
    close: () => inner.close(),
    async exchange(request) {
      const answer = await inner.exchange(request);
      serverClock.observe(answer.headers['date'], clock.now());
      return answer;
    },
  };
  return { transport, skewMs: serverClock.skewMs };
}

/**
 * Gives the JSON of the secret. `fresh` bypasses any cache: it is asked for once, after the instance refused the cached
 * credentials.
 * Without a secret, for example from a variable that is not set, calls fail with a `ConfigurationError`.
 */
export type ReadSecret = (options: {
  readonly fresh: boolean;
}) => string | undefined | Promise<string | undefined>;

/** The connection that the secret describes at present. */
export type ConnectionSource = {
  /** Synchronous while the secret is cached, as it is for all calls but the first. */
  current(context: CallContext): Connection | Promise<Connection>;
  /** Reads the secret again unless that was done since `refused` was opened; gives `refused` itself when nothing changed. */
  reload(refused: Connection, context: CallContext): Promise<Connection>;
  close(): Promise<void>;
};

function requireSecret(read: string | undefined): string {
  if (read !== undefined) return read;
  throw new ConfigurationError('readSecret', 'gave no secret; is the variable that it reads set?');
}

/** A secret that was just read again and is as bad as before is not read again for this long, however many calls fail. */
const readAgainAfterMs = 30_000;

/** A source that opens its connection on first use. */
export function createConnectionSource(
  givenSecret: ReadSecret,
  settings: ConnectionSettings,
): ConnectionSource {
  const readSecret = (options: { readonly fresh: boolean }) => {
    const read = givenSecret(options);
    return typeof read === 'object' ? read.then(requireSecret) : requireSecret(read);
  };
  let createTransport: CreateTransport | undefined;
  let json: string | undefined;
  let connection: Connection | undefined;
  let unusable: { readonly json: string; readonly atMs: number } | undefined;
  let unchangedAtMs = Number.NEGATIVE_INFINITY;
  const open = (read: string, opening: Opening): Connection => {
    try {
      return openConnection(read, opening);
    } catch (error) {
      if (unusable?.json !== read) unusable = { json: read, atMs: settings.clock.now() };
      throw error;
    }
  };
  const adopt = (read: string, create: CreateTransport): Connection => {
    if (connection && read === json) return connection;
    const previous = connection;
    connection = open(read, { ...settings, createTransport: create });
    json = read;
    previous?.transport
      .retire()
      .catch((error: unknown) => settings.log.warn('close-failed', { reason: String(error) }));
    return connection;
  };
  const adoptWhenRead = async (reading: string | Promise<string>): Promise<Connection> => {
    const [read, create] = await Promise.all([reading, createTransport ?? loadTransport()]);
    createTransport = create;
    return adopt(read, create);
  };
  const readAgain = singleFlight(async () => {
    const before = connection;
    const read = await readSecret({ fresh: true });
    unusable = undefined;
    const present = await adoptWhenRead(read);
    if (present === before) unchangedAtMs = settings.clock.now();
    return present;
  });
  /** An unusable secret may have been corrected since, which the cache would hide. */
  const isWorthReadingAgain = (read: string) =>
    unusable?.json === read && settings.clock.now() - unusable.atMs >= readAgainAfterMs;
  return {
    current(context) {
      const read = readSecret({ fresh: false });
      if (typeof read !== 'string' || createTransport === undefined)
        return waitFor(adoptWhenRead(read), context, settings.clock);
      if (isWorthReadingAgain(read)) return waitFor(readAgain(), context, settings.clock);
      return adopt(read, createTransport);
    },
    async reload(refused, context) {
      const justRead = settings.clock.now() - unchangedAtMs < readAgainAfterMs;
      if (connection && (connection !== refused || justRead)) return connection;
      return waitFor(readAgain(), context, settings.clock);
    },
    close: async () => connection?.transport.close(),
  };
}
