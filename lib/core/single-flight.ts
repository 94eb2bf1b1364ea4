/**
 * Lets everyone who asks while the work is under way share its one result.
 * The result is forgotten as soon as it is there: keeping it is the caller's business.
 */
export function singleFlight<T>(work: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return () => {
    pending ??= work().finally(() => {
      pending = undefined;
    });
    return pending;
  };
}
