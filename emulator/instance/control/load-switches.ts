/** How many requests run and wait at a time; part of the instance's switches. */
export type LoadSwitches = {
  /** Requests that run at once (`API_INT`). */
  readonly semaphorePermits: number;
  /** Requests that wait for them; one more is refused with a bare 429. */
  readonly semaphoreQueue: number;
  /** How often the counts of rate limits are heard of: a limit is enforced so much later. 30,000 on an instance. */
  readonly rateLimitFlushMs: number;
};

export const defaultLoadSwitches: LoadSwitches = {
  semaphorePermits: 4,
  semaphoreQueue: 50,
  rateLimitFlushMs: 0,
};
