import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { type DurableContext, withDurableExecution } from '@aws/durable-execution-sdk-js';

/**
 * The durable engine as an import uses it. Operations are remembered by their order: code between them has to come to the same
 * calls on every replay, so whatever depends on time or the world happens inside them. Each call is one operation of AWS's
 * 3,000: retries and polls are steps and waits of the workflow's own, so that it can count them.
 */
export type Durable = {
  /**
   * Runs once and remembers the result (JSON, below 256 KB); again when the process dies before the result is stored.
   * @throws when it failed
   */
  step<T>(name: string, run: () => Promise<T>): Promise<T>;
  /** Waits without computing. */
  wait(name: string, seconds: number): Promise<void>;
};

/**
 * A handler that runs as a durable execution of Lambda.
 * @param run gets the event, the milliseconds that the invocation has left, and the durable engine
 */
export function durableHandler<Answer>(
  run: (event: unknown, remainingMs: number, durable: Durable) => Promise<Answer>,
) {
  return withDurableExecution((event: unknown, context: DurableContext) =>
    run(event, context.lambdaContext.getRemainingTimeInMillis(), lambdaDurable(context)),
  );
}

/** The durable engine of Lambda. */
function lambdaDurable(context: DurableContext): Durable {
  return {
    step: (name, run) => context.step(name, run, { retryStrategy: () => ({ shouldRetry: false }) }),
    wait: async (name, seconds) => {
      await context.wait(name, { seconds });
    },
  };
}

/** As large as the young generation gets: both its halves. */
const youngBytes = 32 << 20;

/**
 * Keeps the process of an import below 256 MB however long its file is, at little cost. Lambda's runtime lets the young
 * generation grow to 5 % of the function's memory for each of its parts, which the garbage of millions of rows would take up;
 * from `youngBytes` on it grows no further. Call it now and then.
 */
export function boundHeap(): void {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  if (young && young.space_size >= youngBytes) setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * Spends memory that an import has on time that it lacks. The old generation may grow to three times what lived through its
 * last collection before the next one: V8 is stingier where a limit is given, as Lambda's runtime does, though an import keeps
 * little and throws away much. And code is compiled when it first runs: nearly all of it runs a thousand times.
 */
export function favourSpeed(): void {
  setFlagsFromString('--heap-growing-percent=200');
  setFlagsFromString('--always-sparkplug');
}
