import { ConnectorError } from '../../core/errors.ts';
import type { Method } from '../request.ts';

/**
 * What is known about the effect of a call that failed.
 * - `not-done`: the instance refused it or never saw it.
 * - `unknown`: it may have been carried out; ask the instance before sending it again.
 */
export type Outcome = 'not-done' | 'unknown';

/** The answer an error stems from, as ServiceNow sent it. */
export type FailedAnswer = {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON when it was JSON, else undefined. */
  readonly body: unknown;
};

/** Where an error happened and what came back. */
export type Failure = {
  readonly method: Method;
  readonly path: string;
  readonly answer?: FailedAnswer | undefined;
  /** How long the instance asked to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  readonly outcome?: Outcome;
  /** False when no byte of the call left us, e.g. because no token was to be had. Default true. */
  readonly sent?: boolean | undefined;
  readonly cause?: unknown;
};

/**
 * A call to ServiceNow that did not succeed. `status`, `headers` and `body` are ServiceNow's own, for those who pass
 * its answer on; they are not enumerable, so that nothing which prints an error prints a record with it.
 */
export abstract class ServiceNowError extends ConnectorError {
  readonly method: Method;
  readonly path: string;
  readonly outcome: Outcome;
  /** False when no byte of the call left us: then any call may be sent again. */
  readonly sent: boolean;
  readonly retryAfterMs: number | undefined;
  /** ServiceNow's `X-Transaction-ID`, to look the call up in its logs. */
  readonly transactionId: string | undefined;
  /** How often the call had been sent when it was given up. */
  attempts = 1;
  readonly #answer: FailedAnswer | undefined;

  constructor(message: string, failure: Failure) {
    super(message, failure.cause === undefined ? undefined : { cause: failure.cause });
    this.method = failure.method;
    this.path = failure.path;
    this.outcome = failure.outcome ?? 'not-done';
    this.sent = failure.sent ?? true;
    this.retryAfterMs = failure.retryAfterMs;
    this.#answer = failure.answer;
    this.transactionId = failure.answer?.headers['x-transaction-id'];
  }

  /** HTTP status of ServiceNow's answer; undefined when there was none. */
  get status(): number | undefined {
    return this.#answer?.status;
  }

  /** ServiceNow's headers, lower-case names; empty when there was no answer. */
  get headers(): Readonly<Record<string, string>> {
    return this.#answer?.headers ?? {};
  }

  /** ServiceNow's body, usually its error envelope; undefined when there was none or it was not JSON. */
  get body(): unknown {
    return this.#answer?.body;
  }
}
