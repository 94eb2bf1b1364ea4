import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../../lib/core/clock.ts';
import { ConnectorError } from '../../../lib/core/errors.ts';
import type { Durable } from '../../../lib/file-import/durable.ts';
import { RetryLaterError } from '../../../lib/file-import/retry-later-error.ts';

/** Results of operations by their place; what survives a crash. */
export type Memory = Map<number, string>;

/** Stands for the death of the process: the durable engine never hears of it. */
export class Crash extends Error {}

/** The durable engine in this process: remembers results as JSON, repeats what may pass, waits by moving the clock. */
export function memoryDurable(memory: Memory, clock: Clock & { advance(ms: number): void }): Durable {
  let place = 0;
  let dead: Crash | undefined;

  async function wait(seconds: number): Promise<void> {
    clock.advance(seconds * 1000);
    await delay(10);
  }

  async function once<T>(run: () => Promise<T>): Promise<T> {
    if (dead) throw dead;
    const mine = place++;
    const known = memory.get(mine);
    if (known !== undefined) return JSON.parse(known);
    const result = await run().catch((error: unknown) => {
      if (error instanceof Crash) dead = error;
      throw error;
    });
    const text = JSON.stringify(result);
    if (text.length > 256 * 1024)
      throw new Error(`a result of ${text.length} bytes is too large for a checkpoint`);
    memory.set(mine, text);
    return JSON.parse(text);
  }

  return {
    step: (_name, run) =>
      once(async () => {
        for (let attempt = 1; ; attempt++) {
          try {
            return await run();
          } catch (error) {
            if (!(error instanceof ConnectorError) || !error.retryable || attempt > 20) throw error;
            await wait(error instanceof RetryLaterError ? error.delaySeconds : 2 ** Math.min(attempt, 8));
          }
        }
      }),
    poll: (name, initial, check, next) =>
      once(async () => {
        let state = initial;
        for (let attempt = 1; attempt < 10_000; attempt++) {
          const before = state;
          state = await check(before).catch((error: unknown) => {
            if (error instanceof ConnectorError && error.retryable) return before;
            throw error;
          });
          const decision = next(state, attempt);
          if (decision === 'done') return state;
          await wait(decision);
        }
        throw new Error(`${name} never came to an end`);
      }),
  };
}
