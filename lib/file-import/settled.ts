import { ConnectorError } from '../core/errors.ts';

/** The result of something that may fail for good; small enough to be remembered by the durable engine. */
export type Settled<T> = { readonly value: T } | { readonly problem: string };

/**
 * Turns an error that no repetition can help into its message, so that it is remembered as the operation's result.
 * All other errors go on, and the operation is repeated.
 */
export async function settled<T>(run: () => Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await run() };
  } catch (error) {
    if (error instanceof ConnectorError && !error.retryable) return { problem: error.message };
    throw error;
  }
}
