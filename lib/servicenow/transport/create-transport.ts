import type { LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import type { Dispatcher } from 'undici';
import type { Clock } from '../../core/clock.ts';
import type { TlsSettings } from '../connection-secret.ts';
import type { InstanceAddress } from '../instance-url.ts';
import { decodeBody } from './decode.ts';
import { AnswerCollector, watch } from './dispatch.ts';
import { BrokenExchange, type Transport, type WireAnswer, type WireRequest } from './exchange.ts';
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
const defaultKeepAliveMs = 15_000;
/** An answer's hint is shortened by this, so that a request and the server's close do not cross on the way. */
const keepAliveMarginMs = 2_000;

/** Opens (lazily) the sockets to one instance. */
export function createTransport(options: TransportOptions): Transport {
  return new UndiciTransport(options);
}

class UndiciTransport implements Transport {
  readonly #options: TransportOptions;
  #dispatcher: Dispatcher;
  #keepAliveMs = defaultKeepAliveMs;
  #lastUsedMs: number;
  #inFlight = 0;
  #served = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#dispatcher = openDispatcher(options);
    this.#lastUsedMs = options.clock.now();
  }

  async exchange(request: WireRequest): Promise<WireAnswer> {
    this.#dropFrozenSockets();
    this.#inFlight += 1;
    try {
      return await this.#decoded(await this.#dispatch(request));
    } finally {
      this.#inFlight -= 1;
      this.#lastUsedMs = this.#options.clock.now();
    }
  }

  async close(): Promise<void> {
    await this.#dispatcher.close();
  }

  async #dispatch(request: WireRequest) {
    const collector = new AnswerCollector(this.#options.maxBodyBytes);
    const disarm = watch(collector, request);
    try {
      const { method, path, headers, body = null } = request;
      const origin = this.#options.address.origin;
      this.#dispatcher.dispatch(
        { origin, method, path, headers, body, headersTimeout: 0, bodyTimeout: 0 },
        collector,
      );
      const answer = await collector.answer;
      this.#learnKeepAlive(answer.headers['keep-alive']);
      return answer;
    } catch (error) {
      throw this.#served && error instanceof BrokenExchange ? markStale(error) : error;
    } finally {
      disarm();
    }
  }

  async #decoded(answer: WireAnswer): Promise<WireAnswer> {
    this.#served = true;
    try {
      const encoding = answer.headers['content-encoding'];
      return { ...answer, body: await decodeBody(answer.body, encoding, this.#options.maxBodyBytes) };
    } catch (cause) {
      const tooLarge = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
      throw new BrokenExchange(tooLarge ? 'too-large' : 'damaged', 'answer-begun', { cause });
    }
  }

  /**
   * While Lambda freezes a process no timer runs, so undici does not notice that its idle sockets have outlived the
   * server's keep-alive. Wall time shows it: then none of them is used again.
   *
   *   answer ──── frozen ──────────────────► next request
   *   #lastUsedMs │◄─── server closes ───►│  now - #lastUsedMs > #keepAliveMs
   */
  #dropFrozenSockets(): void {
    const idleMs = this.#options.clock.now() - this.#lastUsedMs;
    if (this.#inFlight > 0 || idleMs <= this.#keepAliveMs) return;
    void this.#dispatcher.destroy();
    this.#dispatcher = openDispatcher(this.#options);
    this.#served = false;
  }

  #learnKeepAlive(header: string | undefined): void {
    const seconds = /timeout=(\d+)/.exec(header ?? '')?.[1];
    if (seconds) this.#keepAliveMs = Math.max(0, Number(seconds) * 1000 - keepAliveMarginMs);
  }
}

/** A reset before any byte of an answer, on a pool that has served before, is most likely the server's keep-alive ending. */
function markStale(error: BrokenExchange): BrokenExchange {
  if (error.reason !== 'reset' || error.progress !== 'sent') return error;
  return new BrokenExchange(error.reason, error.progress, { cause: error.cause, staleSocket: true });
}

function openDispatcher(options: TransportOptions): Dispatcher {
  const { proxyUrl, connections, connectTimeoutMs: timeout, tls } = options;
  const pool = {
    connections,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: defaultKeepAliveMs,
    keepAliveTimeoutThreshold: keepAliveMarginMs,
  };
  if (!proxyUrl) return new Pool(options.address.origin, { ...pool, connect: directConnector(options) });
  const requestTls = { ...certificates(tls), allowH2: false };
  return new ProxyAgent({ uri: proxyUrl, proxyTunnel: true, requestTls, connectTimeout: timeout, ...pool });
}

function directConnector({ address, lookup, connectTimeoutMs, tls }: TransportOptions) {
  // A name that the deployment lists itself may well be private; any other must be public at the moment of connecting.
  const resolve = address.listed ? lookup : publicOnly(lookup);
  const lookupOption = resolve ? { lookup: resolve } : {};
  return buildConnector({ ...certificates(tls), ...lookupOption, allowH2: false, timeout: connectTimeoutMs });
}

function certificates(tls: TlsSettings | undefined) {
  if (!tls) return {};
  const { cert, key, passphrase, ca } = tls;
  return {
    ...(cert && key ? { cert, key } : {}),
    ...(passphrase === undefined ? {} : { passphrase }),
    // `ca` replaces the authorities Node trusts, so they are given along with it.
    ...(ca ? { ca: [...getCACertificates('default'), ca] } : {}),
  };
}
