import type { LookupFunction } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Redactor } from '../core/redaction.ts';
import type { Authorizer } from './auth/authorizer.ts';
import { createAuthorizer } from './auth/create-authorizer.ts';
import { type ConnectionSecret, parseConnectionSecret } from './connection-secret.ts';
import { type InstanceAddress, parseInstanceUrl } from './instance-url.ts';
import { protectProxy, protectSecret } from './protect-secret.ts';
import { createServerClock } from './server-clock.ts';
import { createTransport } from './transport/create-transport.ts';
import type { Transport } from './transport/exchange.ts';
import { chooseProxy } from './transport/proxy.ts';

/** Everything that one reading of a secret amounts to. Replaced as a whole when the secret changes. */
export type Connection = {
  readonly address: InstanceAddress;
  readonly transport: Transport;
  readonly authorizer: Authorizer;
};

/** What connections of one deployment have in common. */
export type ConnectionSettings = {
  readonly allowedHosts: readonly string[];
  /** HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
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

/**
 * Opens a connection by the JSON of a secret; no byte is sent yet.
 * @throws ConfigurationError naming the field of the secret that is wrong
 */
export function openConnection(json: string, settings: ConnectionSettings): Connection {
  const secret = parseConnectionSecret(json);
  protectSecret(secret, settings.redactor);
  const address = parseInstanceUrl(secret.instanceUrl, settings.allowedHosts);
  const transport = observed(openTransport(secret, address, settings), settings.clock);
  const { origin } = address;
  const authorizer = createAuthorizer(secret.auth, { ...settings, ...transport, origin });
  return { address, transport: transport.transport, authorizer };
}

function openTransport(
  secret: ConnectionSecret,
  address: InstanceAddress,
  settings: ConnectionSettings,
): Transport {
  const { clock, connectTimeoutMs, maxBodyBytes, lookup, maxInFlight: connections } = settings;
  const proxyUrl = chooseProxy(address.origin, secret.proxyUrl, settings.proxyEnvironment);
  if (proxyUrl) protectProxy(proxyUrl, settings.redactor);
  return createTransport({
    address,
    clock,
    tls: secret.tls,
    proxyUrl,
    connections,
    connectTimeoutMs,
    maxBodyBytes,
    lookup,
  });
}

/** Lets every answer, refusals included, tell the instance's time. */
function observed(inner: Transport, clock: Clock): { transport: Transport; skewMs: () => number } {
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
