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
