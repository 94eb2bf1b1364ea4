import { ConnectorError, type Effect, type ErrorAnswer, type Scope } from '../core/errors.ts';
import type { Method } from './call.ts';

/** The answer that an error stems from, as ServiceNow sent it. */
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
  /** @default 'none' */
  readonly effect?: Effect;
  /** False when no byte of the call left us, e.g. because no token could be obtained. @default true */
  readonly sent?: boolean | undefined;
  readonly cause?: unknown;
};

/** Not a private field: the declaration files of the package cannot hold one of the classes that `kind` returns. */
const answers = new WeakMap<ServiceNowError, FailedAnswer>();

/**
 * A call to ServiceNow that did not succeed. `status`, `headers` and `body` are ServiceNow's own, for callers that pass
 * its answer on; they are not enumerable, so that whatever prints an error does not print a record with it.
 */
export abstract class ServiceNowError extends ConnectorError {
  readonly method: Method;
  readonly path: string;
  /** `unknown` once any copy of the call may have taken effect. */
  override effect: Effect;
  /** False when no byte of the call left us: then any call may be sent again. */
  readonly sent: boolean;
  override readonly retryAfterMs: number | undefined;
  /** ServiceNow's `X-Transaction-ID`, to find the call in its logs. */
  readonly transactionId: string | undefined;
  /** True when a request for fewer rows or fields may succeed where this one failed. */
  readonly mayPassIfSmaller: boolean = false;
  /** How many times the call had been sent when this error ended it. */
  attempts = 1;

  constructor(message: string, failure: Failure) {
    super(message, failure.cause === undefined ? undefined : { cause: failure.cause });
    this.method = failure.method;
    this.path = failure.path;
    this.effect = failure.effect ?? 'none';
    this.sent = failure.sent ?? true;
    this.retryAfterMs = failure.retryAfterMs;
    if (failure.answer) answers.set(this, failure.answer);
    this.transactionId = failure.answer?.headers['x-transaction-id'];
  }

  /** HTTP status of ServiceNow's answer; undefined when there was none. */
  get status(): number | undefined {
    return answers.get(this)?.status;
  }

  /** ServiceNow's headers, lower-case names; empty when there was no answer. */
  get headers(): Readonly<Record<string, string>> {
    return answers.get(this)?.headers ?? {};
  }

  /** ServiceNow's body, usually its error envelope; undefined when there was none or it was not JSON. */
  get body(): unknown {
    return answers.get(this)?.body;
  }

  /** An error inside a 200 must not pass for success, nor a refusal of the second copy for one of the first. */
  override get httpStatus(): number {
    if (this.ownAnswer) return this.ownAnswer.status;
    const { status = 502 } = this;
    if (status < 400) return 502;
    return status < 500 && this.effect === 'unknown' ? 504 : status;
  }

  /** True when the instance itself answered that it will not carry this call out, now or later. */
  get isRefusal(): boolean {
    return this.sent && this.isPermanent && this.status !== undefined;
  }

  /** True when the body of the call was larger than the instance, or a proxy before it, takes: a smaller one may be taken. */
  get isTooLarge(): boolean {
    return this.sent && (this.status === 413 || /Rejected large/.test(this.message));
  }

  /**
   * True when the record of a failed create may exist: the answer was lost, or the instance said 403, which it also says when
   * the sys_id is taken, when a rule rejects a second copy, and to a user who may write but not read back
   * (docs/servicenow-contract.md 1.6).
   */
  get recordMayExist(): boolean {
    return this.effect === 'unknown' || (this.status === 403 && this.scope === 'request');
  }

  /**
   * True when the answer to a write means that it took effect, but the user may not read the record: an instance then says 403
   * (docs/servicenow-contract.md 1.6).
   */
  get isReadBackDenial(): boolean {
    const isWrite = this.method !== 'GET' && this.method !== 'HEAD';
    return isWrite && this.status === 403 && /insufficient rights to query records/i.test(this.message);
  }
}

/** What all errors of one kind have in common; see `ConnectorError` and `ServiceNowError` for the defaults. */
type Kind = {
  readonly scope?: Scope;
  readonly retryable?: boolean;
  readonly mayPassIfSmaller?: boolean;
  readonly ownAnswer?: ErrorAnswer;
  readonly advice?: string;
};

/**
 * The base class of one kind of error. The facts stand on its prototype, so that a message can name the advice of an error
 * that does not exist yet.
 * @param name the name of the class, spelled out, since bundling shortens class names
 */
export function kind<Code extends string>(name: string, code: Code, facts: Kind = {}) {
  const { scope = 'request', retryable = false, mayPassIfSmaller = false, ownAnswer, advice } = facts;
  return class extends ServiceNowError {
    override readonly name: string = name;
    override readonly code: Code = code;
    override readonly scope: Scope = scope;
    override readonly retryable: boolean = retryable;
    override readonly mayPassIfSmaller: boolean = mayPassIfSmaller;
    override readonly ownAnswer: ErrorAnswer | undefined = ownAnswer;

    override get advice(): string | undefined {
      return advice;
    }
  };
}
