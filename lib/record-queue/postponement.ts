import { ServiceNowError } from '../servicenow/errors.ts';
import { failureKind } from './failure-kind.ts';

/** When messages that could not be written come back. */
export type PostponementSettings = {
  /** Before the second try; doubles with each further one. */
  readonly firstDelaySeconds: number;
  readonly longestDelaySeconds: number;
};

/** SQS hides a message for twelve hours at most. */
const longestVisibilitySeconds = 43_200;

/** So often the instance is taken at its word when it asks for less time than a message would wait by itself. */
const tries = 10;

/**
 * For how long a message stays hidden after a failure: as long as the instance asked for, else longer each time, with a
 * jitter of a fifth so that those which failed together do not all come back together. One that is told time and again to
 * come back soon, or at once, waits longer too, or its queue would give it up by count long before its time is over.
 * @param receiveCount how often the message has been handed out
 * @param random gives numbers in [0, 1)
 * @returns whole seconds
 */
export function postponeBySeconds(
  error: unknown,
  receiveCount: number,
  settings: PostponementSettings,
  random: () => number,
): number {
  const askedMs = error instanceof ServiceNowError ? error.retryAfterMs : undefined;
  if (failureKind(error) === 'throttled' && askedMs !== undefined) {
    const patience = receiveCount > tries ? growing(receiveCount - tries, settings, random) : 0;
    return Math.min(longestVisibilitySeconds, Math.max(1, Math.ceil(askedMs / 1000), patience));
  }
  return growing(receiveCount, settings, random);
}

/** How often a message is handed out while its instance is down for so long and says nothing, at the least. */
export function receivesWithin(seconds: number, settings: PostponementSettings): number {
  let receives = 1;
  for (let waited = 0; waited < seconds; receives += 1) waited += ceilingOf(receives, settings);
  return receives;
}

function growing(times: number, settings: PostponementSettings, random: () => number): number {
  return Math.round(ceilingOf(times, settings) * (0.8 + 0.2 * random()));
}

function ceilingOf(times: number, { firstDelaySeconds, longestDelaySeconds }: PostponementSettings): number {
  return Math.min(longestDelaySeconds, firstDelaySeconds * 2 ** (times - 1));
}
