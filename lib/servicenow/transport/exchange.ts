import type { Method } from '../call.ts';

/** One HTTP request as it goes over the wire. */
export type WireRequest = {
  readonly method: Method;
  /** Path with query, starting with `/`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  /** For the whole attempt, from queueing for a socket to the last byte. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
};

/** One HTTP answer. */
export type WireAnswer = {
  readonly status: number;
  /** Lower-case names; repeated ones joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** Without its content encoding. */
  readonly body: Uint8Array;
};

/** How far an attempt came before it failed. */
export type Progress = 'nothing-sent' | 'sent' | 'answer-begun';

/** An attempt without a complete answer. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly reason: 'connect' | 'reset' | 'timeout' | 'aborted' | 'too-large' | 'damaged';
  readonly progress: Progress;
  /** The socket had served an answer before and was closed by the other side before any byte of this one. */
  readonly staleSocket: boolean;

  constructor(
    reason: TransportError['reason'],
    progress: Progress,
    options: { readonly cause?: unknown; readonly staleSocket?: boolean } = {},
  ) {
    super(`${reason} (${progress})`, { cause: options.cause });
    this.reason = reason;
    this.progress = progress;
    this.staleSocket = options.staleSocket ?? false;
  }
}

/** The client certificate is not valid today. */
export class CertificateDateError extends Error {
  override readonly name = 'CertificateDateError';
}

/** A name that must not be connected to: it resolves to a private, loopback, link-local or otherwise special address. */
export class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError';
}

/** Sockets to one instance. */
export type Transport = {
  /** Sends one request. @throws TransportError */
  exchange(request: WireRequest): Promise<WireAnswer>;
  /** Takes no new request, lets those in flight end, then closes the sockets. */
  retire(): Promise<void>;
  /** Closes the sockets now; calls in flight fail. */
  close(): Promise<void>;
};

/** How far an instance's clock is ahead of ours, learned from the `Date` header of its answers. */
export type ServerClock = {
  observe(dateHeader: string | undefined, nowMs: number): void;
  /** Milliseconds; 0 until the first answer. */
  skewMs(): number;
};

/** The header has a resolution of one second and takes a while to arrive: less than this is not skew. */
const noiseMs = 2_000;

/** A clock that has seen no answer yet. */
export function createServerClock(): ServerClock {
  let skewMs = 0;
  return {
    observe(dateHeader, nowMs) {
      const serverMs = dateHeader === undefined ? Number.NaN : Date.parse(dateHeader);
      if (Number.isNaN(serverMs)) return;
      skewMs = Math.abs(serverMs - nowMs) < noiseMs ? 0 : serverMs - nowMs;
    },
    skewMs: () => skewMs,
  };
}

/** The instance's time in milliseconds by its `Date` header, or ours without one: dates in its headers refer to its own clock. */
export function timeOf(headers: Readonly<Record<string, string>>, nowMs: number): number {
  const serverMs = Date.parse(headers['date'] ?? '');
  return Number.isNaN(serverMs) ? nowMs : serverMs;
}
