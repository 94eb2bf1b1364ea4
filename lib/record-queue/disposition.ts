import type { RecordsConfig } from '../core/config.ts';
import { ConnectorError, DeadlineExceededError, type Scope } from '../core/errors.ts';
import { ThrottledError } from '../servicenow/errors.ts';
import { ServiceNowError } from '../servicenow/service-now-error.ts';
import type { QueuedMessage } from './sqs-event.ts';

/**
 * How the work on a message succeeded: carried out now, or found to have been carried out before. A signal may also be older than
 * the state of its record, or need no change.
 */
export type Done = 'done' | 'duplicate' | 'stale' | 'ignored';

/** The result of the work on a message. */
export type WriteResult =
  | { readonly done: Done }
  /** `tried` is false for a message that was only behind the one that failed. */
  | { readonly error: unknown; readonly tried: boolean };

/** What happens to a message. */
export type Disposition =
  /** It is acknowledged. */
  | { readonly kind: 'done'; readonly done: Done }
  /** It goes to the dead-letter queue with the reason, and is acknowledged; if that does not take it, it returns like a deferred one. */
  | { readonly kind: 'dead-lettered'; readonly error: unknown; readonly delaySeconds: number }
  /** It returns to the queue and is received again after a while. */
  | { readonly kind: 'deferred'; readonly error: unknown; readonly delaySeconds: number };

/** Nothing may be sent to a record yet: the instance may still be working on a write whose answer was lost. */
export class InDoubtError extends ConnectorError {
  override readonly name: string = 'InDoubtError';
  override readonly code: string;
  override readonly scope: Scope;
  override readonly effect = 'unknown';
  override readonly retryable = true;
  override readonly retryAfterMs: number;

  /** @param cause what the answer was lost with; without one it was another message's, or an earlier attempt's */
  constructor(waitMs: number, cause?: unknown) {
    const known = cause instanceof ConnectorError ? cause : undefined;
    const why = known?.message ?? 'the answer to an earlier write was lost';
    super(`${why}; writes to this record wait until the lost call must have ended`, {
      cause,
    });
    this.code = known?.code ?? 'RECORD_IN_DOUBT';
    this.scope = known?.scope ?? 'request';
    this.retryAfterMs = Math.max(1_000, waitMs);
  }
}

/** How long a message waits for another copy of itself, or for a delete of its record, that is under way. */
export const copyWaitMs = 5_000;

/** The call was not made, since another one met an outage a moment ago. */
export class NotSentError extends ConnectorError {
  override readonly name: string = 'NotSentError';
  override readonly code: string;
  override readonly scope = 'instance';
  override readonly retryable = true;
  override readonly retryAfterMs: number | undefined;

  /** @param cause the outage */
  constructor(cause: ServiceNowError) {
    super(cause.message, { cause });
    this.code = cause.code;
    this.retryAfterMs = cause.retryAfterMs;
  }
}

/** The outage of the instance that this error stems from: the next call would meet it too. */
export function outageIn(error: unknown): ServiceNowError | undefined {
  const cause = error instanceof InDoubtError || error instanceof NotSentError ? error.cause : error;
  return cause instanceof ServiceNowError && cause.scope === 'instance' ? cause : undefined;
}

/** True when sending the same message again cannot help, so that it goes to the dead-letter queue at once. */
export function isPermanent(error: unknown): boolean {
  return error instanceof ConnectorError && error.isPermanent;
}

/** SQS moves a message to the dead-letter queue without a reason once it has been received a hundred times (deploy/resources). */
const lastReceive = 99;
/** The first of a FIFO group goes some receives earlier, so that those behind it are tried too. */
const lastReceiveOfGroup = 95;

/**
 * Decides what happens to a message. One that was tried in vain for longer than `retryForSeconds` is abandoned, however often
 * it was received, so that an outage does not use up its tries. Throttling alone never causes a message to be abandoned. One that
 * SQS is about to give up is abandoned with the reason, also if it was only behind others.
 * @param nowMs milliseconds since the Unix epoch
 * @param random gives numbers in [0, 1)
 */
export function disposeOf(
  message: QueuedMessage,
  result: WriteResult,
  settings: RecordsConfig,
  nowMs: number,
  random: () => number,
): Disposition {
  if ('done' in result) return { kind: 'done', done: result.done };
  const { error, tried } = result;
  const { receiveCount, groupId } = message;
  const delaySeconds = delayOf(error, receiveCount, settings, random);
  const isInVain = isTriedOut(message, settings, nowMs) && !isOnlyLate(error);
  const lastTried = groupId === undefined ? lastReceive : lastReceiveOfGroup;
  const isAbandoned = tried && (isInVain || receiveCount >= lastTried || isPermanent(error));
  if (isAbandoned || receiveCount >= lastReceive) return { kind: 'dead-lettered', error, delaySeconds };
  return { kind: 'deferred', error, delaySeconds };
}

/**
 * True when a message has waited for as long, and as often, as it would in an outage of `retryForSeconds`: one that was only
 * late for hours, e.g. because of a rate limit, is not abandoned at its first failure.
 */
function isTriedOut(message: QueuedMessage, settings: RecordsConfig, nowMs: number): boolean {
  const waitedMs = nowMs - message.firstReceivedAtMs;
  return (
    waitedMs > settings.retryForSeconds * 1000 &&
    message.receiveCount >= receivesWithin(settings.retryForSeconds, settings)
  );
}

/** Nothing failed: there was no time left, it has to wait for another message, or the instance is up and says when to come. */
function isOnlyLate(error: unknown): boolean {
  if (error instanceof InDoubtError) return error.cause === undefined;
  return error instanceof DeadlineExceededError || outageIn(error) instanceof ThrottledError;
}

/** When messages that could not be written are received again. */
type Delays = Pick<RecordsConfig, 'firstDelaySeconds' | 'longestDelaySeconds'>;

/**
 * SQS hides a message for twelve hours at most, counted from the receive, which is up to the queue's visibility timeout (390 s)
 * before now; beyond that it refuses the change.
 */
const longestVisibilitySeconds = 43_200 - 400;

/** For so many receives a delay that the instance asks for is used even where it is shorter than our own. */
const trustingReceives = 10;

/**
 * For how long a message stays hidden after a failure: as long as the instance asked for, else longer each time, with a jitter
 * of a fifth so that messages that failed together do not all return together. One that the instance asks again and again to return
 * soon waits longer too, or it would reach the receive limit of its queue long before its time is over.
 * @param receiveCount how many times the message has been received
 * @param random gives numbers in [0, 1)
 * @returns whole seconds
 */
function delayOf(error: unknown, receiveCount: number, settings: Delays, random: () => number): number {
  const askedMs = error instanceof ConnectorError ? error.retryAfterMs : undefined;
  if (askedMs === undefined) return growing(receiveCount, settings, random);
  const grownSeconds =
    receiveCount > trustingReceives ? growing(receiveCount - trustingReceives, settings, random) : 0;
  return Math.min(longestVisibilitySeconds, Math.max(1, Math.ceil(askedMs / 1000), grownSeconds));
}

/** How many times a message is received, at the least, while its instance is down for so long and says nothing. */
function receivesWithin(seconds: number, settings: Delays): number {
  let receives = 1;
  for (let waited = 0; waited < seconds; receives += 1) waited += ceilingOf(receives, settings);
  return receives;
}

function growing(times: number, settings: Delays, random: () => number): number {
  return Math.round(ceilingOf(times, settings) * (0.8 + 0.2 * random()));
}

function ceilingOf(times: number, { firstDelaySeconds, longestDelaySeconds }: Delays): number {
  return Math.min(longestDelaySeconds, firstDelaySeconds * 2 ** (times - 1));
}
