import type { RecordsConfig } from '../core/config.ts';
import { DeadlineExceededError } from '../core/errors.ts';
import { ThrottledError } from '../servicenow/errors.ts';
import type { Done } from './done.ts';
import { failureKind } from './failure-kind.ts';
import { postponeBySeconds, receivesWithin } from './postponement.ts';
import type { Outcome } from './rounds.ts';
import type { QueuedMessage } from './sqs-event.ts';

/** What happens to a message. */
export type Fate =
  /** It is acknowledged. */
  | { readonly kind: 'done'; readonly done: Done }
  /** It goes to the dead-letter queue with the reason, and is acknowledged. */
  | { readonly kind: 'buried'; readonly error: unknown }
  /** It comes back after a while. */
  | { readonly kind: 'postponed'; readonly error: unknown; readonly delaySeconds: number };

/** SQS gives a message up, without a word, that was handed out a hundred times (deploy/resources). */
const lastReceive = 99;

/**
 * Decides over a message by what its write came to. One that was tried in vain for longer than `parkForSeconds` is given up,
 * however often it was handed out, so that an outage costs no message its tries.
 * @param nowMs milliseconds since the Unix epoch
 * @param random gives numbers in [0, 1)
 */
export function fateOf(
  message: QueuedMessage,
  outcome: Outcome,
  settings: RecordsConfig,
  nowMs: number,
  random: () => number,
): Fate {
  if ('done' in outcome) return { kind: 'done', done: outcome.done };
  const { error, tried } = outcome;
  const inVain = isTriedOut(message, settings, nowMs) && !isOnlyLate(error);
  const isLast = inVain || message.receiveCount >= lastReceive || failureKind(error) === 'permanent';
  if (tried && isLast) return { kind: 'buried', error };
  const delaySeconds = postponeBySeconds(error, message.receiveCount, settings, random);
  return { kind: 'postponed', error, delaySeconds };
}

/**
 * True when a message has waited for as long, and as often, as it would in an outage of `parkForSeconds`: one that was only late
 * for hours, e.g. because of a rate limit, is not given up at its first failure.
 */
function isTriedOut(message: QueuedMessage, settings: RecordsConfig, nowMs: number): boolean {
  const waitedMs = nowMs - message.firstReceivedAtMs;
  return (
    waitedMs > settings.parkForSeconds * 1000 &&
    message.receiveCount >= receivesWithin(settings.parkForSeconds, settings)
  );
}

/** Nothing failed: there was no time left, or the instance is up and says when it is our turn. */
function isOnlyLate(error: unknown): boolean {
  return error instanceof DeadlineExceededError || error instanceof ThrottledError;
}
