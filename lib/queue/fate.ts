import type { RecordsConfig } from '../core/config.ts';
import { DeadlineExceededError } from '../core/errors.ts';
import { ThrottledError } from '../servicenow/errors/outages.ts';
import type { Done } from './done.ts';
import { failureKind } from './failure-kind.ts';
import { postponeBySeconds } from './postponement.ts';
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

/** SQS gives a message up, without a word, that was handed out a hundred times (local/package/resources). */
const lastReceive = 99;

/**
 * Decides over a message by what its write came to. One that was tried in vain for longer than `parkForSeconds` is given up;
 * how often it was handed out does not count, so that an outage costs no message its tries.
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
  const waitedMs = nowMs - message.firstReceivedAtMs;
  const inVain = waitedMs > settings.parkForSeconds * 1000 && !isOnlyLate(error);
  const isLast = inVain || message.receiveCount >= lastReceive || failureKind(error) === 'permanent';
  if (tried && isLast) return { kind: 'buried', error };
  const delaySeconds = postponeBySeconds(error, message.receiveCount, settings, random);
  return { kind: 'postponed', error, delaySeconds };
}

/** Nothing failed: there was no time left, or the instance is up and says when it is our turn. */
function isOnlyLate(error: unknown): boolean {
  return error instanceof DeadlineExceededError || error instanceof ThrottledError;
}
