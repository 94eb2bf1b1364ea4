import type { Dispatcher } from 'undici';
import { type Progress, TransportError, type WireRequest } from './exchange.ts';

/** What came back, still with its content encoding. */
export type RawAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
};

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Collects one answer from undici's dispatch, which does less than its request(): it makes no streams, and it shows how far
 * the exchange came, which decides whether a write may be sent again.
 */
export class AnswerCollector implements Dispatcher.DispatchHandler {
  readonly answer: Promise<RawAnswer>;
  readonly #resolve: (answer: RawAnswer) => void;
  readonly #reject: (error: TransportError) => void;
  readonly #maxBytes: number;
  #progress: Progress = 'nothing-sent';
  #controller: Dispatcher.DispatchController | undefined;
  #failure: TransportError | undefined;
  #status = 0;
  #headers: Readonly<Record<string, string>> = {};
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#maxBytes = maxBytes;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure) controller.abort(this.#failure);
    else this.#progress = 'sent';
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    this.#progress = 'answer-begun';
    this.#status = status;
    this.#headers = flatten(headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.byteLength;
    if (this.#bytes > this.#maxBytes) this.abort('too-large');
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#resolve({ status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks) });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(
      this.#failure ?? new TransportError(this.#reasonOf(error), this.#progress, { cause: error }),
    );
  }

  /** Aborts the exchange: the socket is destroyed and the answer rejects. */
  abort(reason: TransportError['reason'], cause?: unknown): void {
    this.#failure ??= new TransportError(reason, this.#progress, { cause });
    this.#controller?.abort(this.#failure);
    this.#reject(this.#failure);
  }

  #reasonOf(error: Error): TransportError['reason'] {
    if ('code' in error && error.code === 'UND_ERR_HEADERS_OVERFLOW') return 'too-large';
    return this.#progress === 'nothing-sent' ? 'connect' : 'reset';
  }
}

/** Aborts at the attempt's time-out or the caller's signal; returns a function that calls both off. */
export function abortWhenDue(collector: AnswerCollector, request: WireRequest): () => void {
  const timer = setTimeout(() => collector.abort('timeout'), request.timeoutMs);
  const onAbort = () => collector.abort('aborted', request.signal?.reason);
  if (request.signal?.aborted) onAbort();
  request.signal?.addEventListener('abort', onAbort);
  return () => {
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', onAbort);
  };
}

function flatten(headers: Headers): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return flat;
}
