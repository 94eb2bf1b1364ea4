import type { LookupFunction } from 'node:net';
import { createSecureContext, getCACertificates } from 'node:tls';
import type { Dispatcher } from 'undici';
import type { Clock } from '../../core/clock.ts';
import { ConfigurationError } from '../../core/errors.ts';
import type { TlsSettings } from '../connection-secret.ts';
import type { InstanceAddress } from '../instance-url.ts';
import { publicOnly } from './resolve.ts';
import { buildConnector, Pool, ProxyAgent } from './undici.ts';

/** What a connection to an instance is made of. */
export type TransportOptions = {
  readonly address: InstanceAddress;
  readonly clock: Clock;
  readonly tls?: TlsSettings | undefined;
  /** `http://user:password@proxy:3128`; calls travel through CONNECT. */
  readonly proxyUrl?: string | undefined;
  /** Sockets at most. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** Largest body we hold, before and after decompression. */
  readonly maxBodyBytes: number;
  /** Resolves names; the system's resolver unless given. */
  readonly lookup?: LookupFunction | undefined;
};

/** ServiceNow closes idle sockets after 20 to 70 s and says so in `Keep-Alive`; this holds until it has said so. */
export const defaultKeepAliveMs = 15_000;
/** An answer's hint is shortened by this, so that a request and the server's close do not cross on the way. */
export const keepAliveMarginMs = 2_000;

/** `Link` repeats the query four times over, which undici's own 16 KB do not hold where the query is long. */
const maxHeaderBytes = 128 * 1024;

/** Makes undici's side of a connection: a pool of its own sockets, or of tunnels through a proxy. Certificates are always checked. */
export function openDispatcher(options: TransportOptions): Dispatcher {
  const { proxyUrl, connections, connectTimeoutMs: timeout, tls } = options;
  const pool = {
    connections,
    pipelining: 1,
    allowH2: false,
    maxHeaderSize: maxHeaderBytes,
    keepAliveTimeout: defaultKeepAliveMs,
    keepAliveTimeoutThreshold: keepAliveMarginMs,
  };
  if (!proxyUrl) return new Pool(options.address.origin, { ...pool, connect: directConnector(options) });
  const requestTls = { ...certificates(tls), allowH2: false };
  // A proxy that is spoken to by TLS is checked as the instance is, but never gets to see our certificate.
  const proxyTls = certificates(tls?.ca === undefined ? undefined : { ca: tls.ca });
  return new ProxyAgent({
    uri: proxyUrl,
    proxyTunnel: true,
    proxyTls,
    requestTls,
    connectTimeout: timeout,
    // Else a proxy that takes a CONNECT and says nothing would hold the socket for five minutes.
    clientFactory: (origin, client) => new Pool(origin, { ...client, headersTimeout: timeout }),
    ...pool,
  });
}

function directConnector({ address, lookup, connectTimeoutMs, tls }: TransportOptions) {
  // A name that the deployment lists itself may well be private; any other must be public at the moment of connecting.
  const resolve = address.listed ? lookup : publicOnly(lookup);
  const lookupOption = resolve ? { lookup: resolve } : {};
  return buildConnector({ ...certificates(tls), ...lookupOption, allowH2: false, timeout: connectTimeoutMs });
}

/** `rejectUnauthorized` is said outright, so that no environment variable can switch the check off. */
function certificates(tls: TlsSettings | undefined) {
  const rejectUnauthorized = true;
  if (!tls) return { rejectUnauthorized };
  const { ca, ...own } = tls;
  try {
    // `ca` replaces the authorities Node trusts, so they are given along with it.
    const authorities = ca ? { ca: [...getCACertificates('default'), ca] } : {};
    return { rejectUnauthorized, secureContext: createSecureContext({ ...own, ...authorities }) };
  } catch {
    // OpenSSL's message may quote the text, so it is not kept as the cause.
    throw new ConfigurationError(
      'secret.tls',
      'cert, key, passphrase and ca must fit together and be in PEM form',
    );
  }
}
