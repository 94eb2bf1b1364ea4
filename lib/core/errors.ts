/** Which calls meet the same failure: this request alone, or every call to the instance. */
export type Scope = 'request' | 'instance';

/** Whether the failed call may have taken effect: certainly not, or only the instance can answer that. */
export type Effect = 'none' | 'unknown';

/**
 * When the same call is worth another try: never (someone has to change something first), later, or when the time has passed
 * that the other side named (`retryAfterMs`).
 */
export type Retry = 'never' | 'later' | 'afterDelay';

/** How our own HTTP API answers an error: `title` goes into the envelope's `message`. */
export type ErrorAnswer = { readonly status: number; readonly title: string };

/**
 * The base of the one error family. Every error that a caller may meet is one of these and carries its own facts, so that
 * no other module needs a list of classes or codes. Messages say what was wrong, where, and what to do; they never hold a
 * secret or a whole record.
 */
export abstract class ConnectorError extends Error {
  /** Stable, upper snake case, e.g. `INVALID_INPUT`; used in logs, metrics, dead-letter attributes and answers. */
  abstract readonly code: string;
  /** The name of the class, spelled out: bundling shortens class names, and callers of a direct Invoke rely on this one. */
  abstract override readonly name: string;
  readonly scope: Scope = 'request';
  readonly effect: Effect = 'none';
  /** True when the same call may succeed later without anyone changing anything. */
  readonly retryable: boolean = false;
  /** How long the other side asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined = undefined;
  /** Our own HTTP answer; undefined where ServiceNow's answer is passed on. */
  readonly ownAnswer: ErrorAnswer | undefined = undefined;

  /** What the reader can do about it, where the message does not say so already. */
  get advice(): string | undefined {
    return undefined;
  }

  get retry(): Retry {
    if (!this.retryable) return 'never';
    return this.retryAfterMs === undefined ? 'later' : 'afterDelay';
  }

  /** True when repeating the same request can never help, so that it belongs in a dead-letter queue. */
  get isPermanent(): boolean {
    return this.scope === 'request' && !this.retryable && this.effect === 'none';
  }

  /** HTTP status that our API answers with. */
  get httpStatus(): number {
    return this.ownAnswer?.status ?? 502;
  }
}

/** True when the call may have taken effect although it failed: ask the instance before sending it again. */
export function mayHaveTakenEffect(error: unknown): boolean {
  return error instanceof ConnectorError && error.effect === 'unknown';
}

/** A parameter, body, message or file that the caller has to change. `field` is the path that is wrong, e.g. `record.active`. */
export class InvalidInputError extends ConnectorError {
  override readonly name: string = 'InvalidInputError';
  override readonly code: string = 'INVALID_INPUT';
  override readonly ownAnswer = { status: 400, title: 'Invalid input' };
  readonly field: string;
  /** What is wrong with it, without its name. */
  readonly reason: string;

  constructor(field: string, reason: string, options?: { cause?: unknown }) {
    super(`${field}: ${reason}`, options);
    this.field = field;
    this.reason = reason;
  }
}

/** What is wrong with one part of a value, as a schema says it. */
type Issue = {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[] | undefined;
};

/** The issue that explains the others: an unknown field before a missing one, whose name it may be misspelt. */
export function firstIssue<I extends Pick<Issue, 'code'>>(issues: readonly I[]): I | undefined {
  return issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
}

/**
 * The error for a value that a schema refuses.
 * @param whole the name of the value itself
 * @param unknown what is said of a field that is not known
 */
export function invalidBy(
  issues: readonly Issue[],
  whole: string,
  unknown = 'is not a known field',
): InvalidInputError {
  const issue = firstIssue(issues);
  const name = issue?.code === 'unrecognized_keys' ? issue.keys?.[0] : undefined;
  const path = [...(issue?.path ?? []), ...(name === undefined ? [] : [name])].map(String).join('.');
  return new InvalidInputError(path || whole, name === undefined ? (issue?.message ?? 'invalid') : unknown);
}

/** The deployment is misconfigured: environment, secret or import settings. `setting` names what is wrong, never its value. */
export class ConfigurationError extends ConnectorError {
  override readonly name: string = 'ConfigurationError';
  override readonly code: string = 'CONFIGURATION_INVALID';
  override readonly scope: Scope = 'instance';
  override readonly ownAnswer: ErrorAnswer = { status: 500, title: 'The deployment is misconfigured' };
  readonly setting: string;

  constructor(setting: string, reason: string, options?: { cause?: unknown }) {
    super(`${setting}: ${reason}`, options);
    this.setting = setting;
  }

  override get advice(): string | undefined {
    return 'correct the secret or the setting that the message names';
  }
}

/** The caller names an instance that this deployment does not have. Callers know it by the name and code of its base class. */
export class UnknownInstanceError extends ConfigurationError {
  override readonly scope = 'request';
  override readonly ownAnswer = { status: 400, title: 'No such instance' };

  constructor() {
    super('instance', 'this deployment has no instance of that name');
  }
}

/** The table is not on the deployment's list (`allowedTables`). */
export class TableNotAllowedError extends ConnectorError {
  override readonly name: string = 'TableNotAllowedError';
  override readonly code = 'TABLE_NOT_ALLOWED';
  override readonly ownAnswer = { status: 403, title: 'Table not allowed' };

  /** @param message for a table that is not named itself: what leads to it, why it may not be used, what to do */
  constructor(
    table: string,
    message = `table: this deployment does not serve ${table}; add it to allowedTables`,
  ) {
    super(message);
  }
}

/** An answer has more bytes than a Lambda function can return. */
export class AnswerTooLargeError extends ConnectorError {
  override readonly name: string = 'AnswerTooLargeError';
  override readonly code = 'ANSWER_TOO_LARGE';
  override readonly ownAnswer = { status: 413, title: 'Answer too large' };

  /** @param advice what the caller can do instead @param what it is that is too large */
  constructor(bytes: number, advice: string, what = 'answer') {
    super(
      `The ${what} is ${(bytes / 1_048_576).toFixed(1)} MB, but AWS Lambda returns at most 6 MB; ${advice}`,
    );
  }
}

/** The caller's own signal ended a call while it was waiting; nothing of it was in flight. */
export class CallAbandonedError extends ConnectorError {
  override readonly name: string = 'CallAbandonedError';
  override readonly code = 'CALL_ABANDONED';
  override readonly retryable = true;
}

/** Time ran out before the call was made; nothing of it was sent. */
export class DeadlineExceededError extends ConnectorError {
  override readonly name: string = 'DeadlineExceededError';
  override readonly code = 'DEADLINE_EXCEEDED';
  override readonly retryable = true;
  override readonly ownAnswer = { status: 503, title: 'Time ran out before the call was made' };

  override get advice(): string {
    return 'try again; if it keeps happening, the instance is too slow or the network loses packets';
  }
}
