import type { Dispatcher } from 'undici';
import { decodeBody } from './decode.ts';
import { AnswerCollector, watch } from './dispatch.ts';
import { BrokenExchange, type Transport, type WireAnswer, type WireRequest } from './exchange.ts';
import {
  defaultKeepAliveMs,
  keepAliveMarginMs,
  openDispatcher,
  type TransportOptions,
} from './open-dispatcher.ts';
import { checkDates, lifeOfOwn } from './own-certificate.ts';
import { SocketAges } from './socket-ages.ts';

/** Opens (lazily) the sockets to one instance. */
export function createTransport(options: TransportOptions): Transport {
  return new UndiciTransport(options);
}

class UndiciTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #ownCertificate: ReturnType<typeof lifeOfOwn>;
  #dispatcher: Dispatcher;
  #keepAliveMs = defaultKeepAliveMs;
  #ages: SocketAges;
  #served = false;
  #socketFree: Promise<void> | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#dispatcher = openDispatcher(options);
    this.#ownCertificate = lifeOfOwn(options.tls);
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
      checkDates(this.#ownCertificate, this.#options.clock.now());
    } catch (cause) {
      throw new BrokenExchange('connect', 'nothing-sent', { cause });
    }
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
      this.#socketFree = nextTurns();
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
 * undici takes a socket back one turn of the event loop after its answer ended; a call that comes earlier would open
 * another one. The answer itself does not wait for this, only the next call does, and not where no other can be opened.
 */
function nextTurns(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** A reset before any byte of an answer, on a pool that has served before, is most likely the server's keep-alive ending. */
function markStale(error: BrokenExchange): BrokenExchange {
  if (error.reason !== 'reset' || error.progress !== 'sent') return error;
  return new BrokenExchange(error.reason, error.progress, { cause: error.cause, staleSocket: true });
}
