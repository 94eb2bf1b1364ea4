import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../../lib/core/clock.ts';
import type { Durable } from '../../../lib/file-import/execution.ts';

/** Results of operations by their place; what survives a crash. */
export type Memory = Map<number, string>;

/** Stands for the death of the process: the durable engine never hears of it, and no code takes it for something that passes. */
export class Crash extends TypeError {}

/** AWS's limits. */
const maxOperations = 3_000;
const maxResultBytes = 256 * 1024;

/** The durable engine in this process: remembers results as JSON, waits by moving the clock, and enforces AWS's limits. */
export function memoryDurable(memory: Memory, clock: Clock & { advance(ms: number): void }): Durable {
  let place = 0;
  let dead: Crash | undefined;

  async function once<T>(run: () => Promise<T>): Promise<T> {
    if (dead) throw dead;
    const mine = place++;
    if (mine >= maxOperations) throw new Error(`an execution has ${maxOperations} operations at most`);
    const known = memory.get(mine);
    if (known !== undefined) {
      const remembered: { value: T } | { error: string } = JSON.parse(known);
      if ('error' in remembered) throw new Error(remembered.error);
      return remembered.value;
    }
    try {
      const text = JSON.stringify({ value: await run() });
      if (text.length > maxResultBytes)
        throw new RangeError(`a result of ${text.length} bytes is too large for a checkpoint`);
      memory.set(mine, text);
      return JSON.parse(text).value;
    } catch (error) {
      if (error instanceof Crash) dead = error;
      else
        memory.set(mine, JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
      throw error;
    }
  }

  return {
    step: (_name, run) => once(run),
    wait: (_name, seconds) =>
      once(async () => {
        clock.advance(seconds * 1000);
        await delay(10);
      }),
  };
}
