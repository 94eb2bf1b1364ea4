import { X509Certificate } from 'node:crypto';
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import * as tls from 'node:tls';
import ipaddr from 'ipaddr.js';
import type { Dispatcher } from 'undici';
import { buildConnector, Pool, ProxyAgent } from 'undici';
import type { Clock } from '../../core/clock.ts';
import { ConfigurationError } from '../../core/errors.ts';
import type { InstanceAddress } from '../address.ts';
import type { TlsSettings } from '../secret.ts';
import { CertificateDateError, ForbiddenAddressError } from './exchange.ts';

/** What a connection to an instance is made of. */
export type TransportOptions = {
  readonly address: InstanceAddress;
  readonly clock: Clock;
  readonly tls?: TlsSettings | undefined;
  /** `http://user:password@proxy:3128`; calls go through a CONNECT tunnel. */
  readonly proxyUrl?: string | undefined;
  /** Sockets at most. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** Largest body that is accepted, before and after decompression. */
  readonly maxBodyBytes: number;
  /** Resolves names; the system's resolver unless given. */
  readonly lookup?: LookupFunction | undefined;
};

/** ServiceNow closes idle sockets after 20 to 70 s and says so in `Keep-Alive`; this applies until it has said so. */
export const defaultKeepAliveMs = 15_000;
/** The time in `Keep-Alive` is shortened by this, so that a request and the server's close do not cross on the way. */
export const keepAliveMarginMs = 2_000;

/** `Link` repeats the query four times, which does not fit into undici's default of 16 KB where the query is long. */
const maxHeaderBytes = 128 * 1024;

/** Opens undici's side of a connection: a pool of sockets, or of tunnels through a proxy. Certificates are always checked. */
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
  // The certificate of a TLS proxy is checked as the instance's is, but the proxy never gets to see our own.
  const proxyTls = certificates(tls?.ca === undefined ? undefined : { ca: tls.ca });
  return new ProxyAgent({
    uri: proxyUrl,
    proxyTunnel: true,
    proxyTls,
    requestTls,
    connectTimeout: timeout,
    // Otherwise a proxy that takes a CONNECT and does not answer would hold the socket for five minutes.
    clientFactory: (origin, client) => new Pool(origin, { ...client, headersTimeout: timeout }),
    ...pool,
  });
}

function directConnector({ address, lookup, connectTimeoutMs, tls }: TransportOptions) {
  // A name that the deployment lists may be private; any other must be public at the moment of connecting.
  const resolve = address.listed ? lookup : publicOnly(lookup);
  const lookupOption = resolve ? { lookup: resolve } : {};
  return buildConnector({ ...certificates(tls), ...lookupOption, allowH2: false, timeout: connectTimeoutMs });
}

/** `rejectUnauthorized` is set explicitly, so that no environment variable can switch the check off. */
function certificates(settings: TlsSettings | undefined) {
  const rejectUnauthorized = true;
  if (!settings) return { rejectUnauthorized };
  const { ca, ...own } = settings;
  try {
    // `ca` replaces the authorities that Node trusts, so they are given along with it.
    const authorities = ca ? { ca: [...trustedAuthorities(), ca] } : {};
    return { rejectUnauthorized, secureContext: tls.createSecureContext({ ...own, ...authorities }) };
  } catch {
    // OpenSSL's message may quote the text, so it is not kept as the cause.
    throw new ConfigurationError('secret.tls', 'cert, key, passphrase and ca must match and be in PEM form');
  }
}

/** On Node 20, without those that NODE_EXTRA_CA_CERTS adds. */
function trustedAuthorities(): readonly string[] {
  const known: Partial<Pick<typeof tls, 'getCACertificates'>> = tls;
  return known.getCACertificates?.('default') ?? tls.rootCertificates;
}

/** When a client certificate begins and ends, in milliseconds since the Unix epoch. */
type CertificateLife = { readonly fromMs: number; readonly toMs: number };

/** The life of a secret's client certificate; undefined without one. `tls.cert` is known to be in PEM form. */
export function lifeOfOwnCertificate(tls: TlsSettings | undefined): CertificateLife | undefined {
  if (!tls?.cert) return undefined;
  const { validFrom, validTo } = new X509Certificate(tls.cert);
  return { fromMs: Date.parse(validFrom), toMs: Date.parse(validTo) };
}

/**
 * A server that speaks TLS 1.3 refuses a certificate after our request has left, by closing the connection, which looks like a
 * lost answer. So the dates are compared with our clock before anything is sent.
 * @throws CertificateDateError
 */
export function checkCertificateDates(life: CertificateLife | undefined, nowMs: number): void {
  if (!life || (life.fromMs <= nowMs && nowMs < life.toMs)) return;
  const [how, atMs] = nowMs < life.fromMs ? ['is not valid before', life.fromMs] : ['expired on', life.toMs];
  throw new CertificateDateError(
    `the client certificate in tls.cert ${how} ${new Date(atMs).toISOString().slice(0, 10)}`,
  );
}

/**
 * Wraps a DNS lookup so that only public addresses come out of it. It is the socket's own lookup, so that the address that
 * was checked is the address that is connected to, however often the name changes its answer.
 */
export function publicOnly(lookup: LookupFunction = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      const addresses =
        typeof address === 'string' ? [address] : (address ?? []).map((found) => found.address);
      if (error || addresses.every(isPublic)) return callback(error, address, family);
      const forbidden = new ForbiddenAddressError(`${hostname} resolves to an address that is not public`);
      callback(forbidden, address, family);
    });
  };
}

/** True for an address of the public internet, including IPv4 addresses inside IPv6 ones. */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  const bytes = parsed.toByteArray();
  // NAT64, which IPv6-only subnets use: the last four bytes are the IPv4 address.
  if (parsed.range() === 'rfc6052') return isPublic(bytes.slice(-4).join('.'));
  // `::a.b.c.d` was deprecated by RFC 4291 and is not in use, whatever a system makes of it.
  const isIPv4Compatible = bytes.length === 16 && bytes.slice(0, 12).every((byte) => byte === 0);
  return parsed.range() === 'unicast' && !isIPv4Compatible;
}
