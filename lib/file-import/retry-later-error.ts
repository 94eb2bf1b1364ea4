import { ConnectorError } from '../core/errors.ts';
import { CredentialsRejectedError } from '../servicenow/errors.ts';

/** A step ends early on purpose: what it did so far is kept, and it goes on after `delaySeconds` without computing until then. */
export class RetryLaterError extends ConnectorError {
  override readonly name = 'RetryLaterError';
  override readonly code = 'RETRY_LATER';
  override readonly retryable = true;
  readonly delaySeconds: number;
  /** The step came further before it ended: it is not the same failure again. */
  readonly hasProgressed: boolean;

  constructor(
    reason: string,
    delaySeconds: number,
    options: { readonly cause?: unknown; readonly hasProgressed?: boolean } = {},
  ) {
    super(reason, options);
    this.delaySeconds = Math.max(1, Math.ceil(delaySeconds));
    this.hasProgressed = options.hasProgressed ?? false;
  }
}

/** The instance is up, and only what asks for verdicts comes to nothing. */
export class UnreadVerdictsError extends ConnectorError {
  override readonly name = 'UnreadVerdictsError';
  override readonly code = 'VERDICTS_UNREAD';
  override readonly retryable = true;
}

/** While a password is changed, the secret holds the old one for a moment. */
export function isRejected(error: unknown): error is CredentialsRejectedError {
  return error instanceof CredentialsRejectedError;
}

/**
 * True for a failure that may pass: the project's own errors say so themselves, and so does what the AWS clients throw after
 * their own retries. A defect does not pass.
 */
export function isPassing(error: unknown): boolean {
  if (error instanceof ConnectorError) return error.retryable || isRejected(error);
  return !(error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError);
}

/** Rate limits of ServiceNow count by the hour; the lease of an import allows for this (`baseLeaseSeconds`). */
const longestAskedSeconds = 1_500;

/** How long a throttled instance asked to wait, within reason. */
export function askedSeconds(error: unknown): number {
  if (!(error instanceof ConnectorError)) return 0;
  return Math.min(longestAskedSeconds, Math.ceil((error.retryAfterMs ?? 0) / 1000));
}

/** The result of something that may fail for good; small enough to be remembered by the durable engine. */
export type Result<T> = { readonly value: T } | { readonly problem: string };

/**
 * Turns an error that no repetition can help into its message, so that it is remembered as the operation's result.
 * All other errors are thrown, and the operation is repeated.
 */
export async function resultOf<T>(run: () => Promise<T>): Promise<Result<T>> {
  try {
    return { value: await run() };
  } catch (error) {
    if (error instanceof ConnectorError && !isPassing(error)) return { problem: error.message };
    throw error;
  }
}
