import { promisify } from 'node:util';
import { gunzip, gunzipSync } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { AnswerCollector, abortWhenDue } from './answer-collector.ts';
import {
  checkCertificateDates,
  defaultKeepAliveMs,
  keepAliveMarginMs,
  lifeOfOwnCertificate,
  openDispatcher,
  type TransportOptions,
} from './dispatcher.ts';
import { type Transport, TransportError, type WireAnswer, type WireRequest } from './exchange.ts';

/** Opens the sockets to one instance, on first use. */
export function createTransport(options: TransportOptions): Transport {
  return new UndiciTransport(options);
}

class UndiciTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #ownCertificate: ReturnType<typeof lifeOfOwnCertificate>;
  #dispatcher: Dispatcher;
  #keepAliveMs = defaultKeepAliveMs;
  #ages: SocketAges;
  #served = false;
  #socketFree: Promise<void> | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#dispatcher = openDispatcher(options);
    this.#ownCertificate = lifeOfOwnCertificate(options.tls);
    this.#ages = new SocketAges(options.clock.now());
  }

  async exchange(request: WireRequest): Promise<WireAnswer> {
    this.#checkOwnCertificate();
    if (!this.#ages.areAllInPlay(this.#options.connections)) await this.#socketFree;
    this.#dropFrozenSockets();
    this.#ages.begin();
    try {
      return await this.#decoded(await this.#dispatch(request));
    } finally {
      this.#ages.end(this.#options.clock.now());
    }
  }

  async retire(): Promise<void> {
    await this.#dispatcher.close();
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  #checkOwnCertificate(): void {
    try {
      checkCertificateDates(this.#ownCertificate, this.#options.clock.now());
    } catch (cause) {
      throw new TransportError('connect', 'nothing-sent', { cause });
    }
  }

  async #dispatch(request: WireRequest) {
    const collector = new AnswerCollector(this.#options.maxBodyBytes);
    const disarm = abortWhenDue(collector, request);
    try {
      const { method, path, headers, body = null } = request;
      const origin = this.#options.address.origin;
      this.#dispatcher.dispatch(
        { origin, method, path, headers, body, headersTimeout: 0, bodyTimeout: 0 },
        collector,
      );
      const answer = await collector.answer;
      this.#socketFree = nextTicks();
      this.#learnKeepAlive(answer.headers['keep-alive']);
      return answer;
    } catch (error) {
      throw this.#served && error instanceof TransportError ? markStale(error) : error;
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
      throw new TransportError(tooLarge ? 'too-large' : 'damaged', 'answer-begun', { cause });
    }
  }

  #dropFrozenSockets(): void {
    const nowMs = this.#options.clock.now();
    if (!this.#ages.outlived(this.#keepAliveMs, nowMs)) return;
    void this.#dispatcher.destroy();
    this.#dispatcher = openDispatcher(this.#options);
    this.#ages = new SocketAges(nowMs);
    this.#served = false;
  }

  #learnKeepAlive(header: string | undefined): void {
    const seconds = /timeout=(\d+)/.exec(header ?? '')?.[1];
    if (seconds) this.#keepAliveMs = Math.max(0, Number(seconds) * 1000 - keepAliveMarginMs);
  }
}

/**
 * undici takes a socket back one event-loop tick after its answer ended; an earlier call would open another
 * one. Only the next call waits for this, not the answer itself, and not when no further socket may be opened.
 */
function nextTicks(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** A reset before any byte of an answer, on a pool that has served before, is most likely the server's keep-alive ending. */
function markStale(error: TransportError): TransportError {
  if (error.reason !== 'reset' || error.progress !== 'sent') return error;
  return new TransportError(error.reason, error.progress, { cause: error.cause, staleSocket: true });
}

const inThreadPool = promisify(gunzip);
/** Below this size the thread pool costs more than the work. */
const smallBytes = 32 * 1024;

/**
 * Undoes `Content-Encoding: gzip`, the only one we ask for.
 * @throws Error when the data is damaged, cut off, or grows past `maxBytes`
 */
async function decodeBody(
  body: Uint8Array,
  encoding: string | undefined,
  maxBytes: number,
): Promise<Uint8Array> {
  if (!encoding || encoding.toLowerCase() === 'identity' || body.byteLength === 0) return body;
  if (!/^x?-?gzip$/i.test(encoding)) throw new Error(`content encoding ${encoding} was not requested`);
  const options = { maxOutputLength: maxBytes };
  return body.byteLength < smallBytes ? gunzipSync(body, options) : inThreadPool(body, options);
}

/** A pause shorter than this is not a freeze of the process. */
const freezeMs = 1_000;

/**
 * Knows when sockets have outlived the server's keep-alive. While Lambda freezes a process no timer runs, so that undici does
 * not notice; the wall clock does. undici takes the first free socket, so that the last of them has been idle since so many
 * calls were last in flight at once.
 *
 *   two calls ──── one call ──── frozen ────► next call
 *   #widestAtMs    #lastUsedMs │◄── freeze ─►│ the second socket is older than it looks
 */
class SocketAges {
  #inFlight = 0;
  #widest = 0;
  #widestAtMs: number;
  #lastUsedMs: number;

  constructor(nowMs: number) {
    this.#widestAtMs = nowMs;
    this.#lastUsedMs = nowMs;
  }

  begin(): void {
    this.#inFlight += 1;
    this.#widest = Math.max(this.#widest, this.#inFlight);
  }

  end(nowMs: number): void {
    if (this.#inFlight === this.#widest) this.#widestAtMs = nowMs;
    this.#inFlight -= 1;
    this.#lastUsedMs = nowMs;
  }

  /** True while calls are in flight and all `sockets` that there may be have been open at once: a further call opens no other. */
  areAllInPlay(sockets: number): boolean {
    return this.#inFlight > 0 && this.#widest >= sockets;
  }

  /** True when no socket is in use and one may have been idle for longer than `keepAliveMs`. */
  outlived(keepAliveMs: number, nowMs: number): boolean {
    const idleMs = nowMs - this.#lastUsedMs;
    if (this.#inFlight > 0) return false;
    return idleMs > keepAliveMs || (idleMs > freezeMs && nowMs - this.#widestAtMs > keepAliveMs);
  }
}
