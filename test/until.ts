import { vi } from 'vitest';

/** Far more than anything takes, also at load 20 on two cores: only a test that fails waits so long. */
const longestWaitMs = 120_000;

/** Looks again and again until it throws no more. @returns what was seen then @throws what it threw last */
export function until<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: longestWaitMs, interval: 50 });
}
