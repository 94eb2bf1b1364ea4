import { type DurableContext, withDurableExecution } from '@aws/durable-execution-sdk-js';
import { ConnectorError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Durable } from './durable.ts';
import { RetryLaterError } from './retry-later-error.ts';

/** An instance may sleep over a weekend: 5 minutes between attempts make about three and a half days of these. */
const maxAttempts = 1_000;
const longestDelaySeconds = 300;

/**
 * A handler that runs as a durable execution of Lambda.
 * @param run gets the event, the milliseconds that the invocation has left, and the durable engine
 */
export function durableHandler<Answer>(
  log: Log,
  run: (event: unknown, remainingMs: number, durable: Durable) => Promise<Answer>,
) {
  return withDurableExecution((event: unknown, context: DurableContext) => {
    const remainingMs = context.lambdaContext.getRemainingTimeInMillis();
    return run(event, remainingMs, lambdaDurable(context, log));
  });
}

/** The durable engine of Lambda, as an import uses it. */
function lambdaDurable(context: DurableContext, log: Log): Durable {
  const retryStrategy = (error: Error, attempt: number) => {
    const shouldRetry = isPassing(error) && attempt < maxAttempts;
    const seconds = error instanceof RetryLaterError ? error.delaySeconds : backOffSeconds(attempt);
    log.warn('import-step-failed', { reason: error.message, attempt, shouldRetry, delaySeconds: seconds });
    return { shouldRetry, delay: { seconds } };
  };
  return {
    step: (name, run) => context.step(name, run, { retryStrategy }),
    poll: (name, initial, check, next) =>
      context.waitForCondition(name, (state) => lookAgainLater(state, check, log), {
        initialState: initial,
        waitStrategy(state, attempt) {
          const decision = next(state, attempt);
          return decision === 'done'
            ? { shouldContinue: false }
            : { shouldContinue: true, delay: { seconds: decision } };
        },
      }),
  };
}

/** A look that fails for a reason that may pass leaves the state as it was. */
async function lookAgainLater<T>(state: T, check: (state: T) => Promise<T>, log: Log): Promise<T> {
  try {
    return await check(state);
  } catch (error) {
    if (!isPassing(error)) throw error;
    log.warn('import-look-failed', { reason: String(error) });
    return state;
  }
}

/** Ours say so themselves; what the AWS clients throw after their own retries is given time. A defect is not. */
function isPassing(error: unknown): boolean {
  if (error instanceof ConnectorError) return error.retryable;
  return !(error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError);
}

function backOffSeconds(attempt: number): number {
  return Math.min(longestDelaySeconds, 2 ** Math.min(attempt, 10));
}
