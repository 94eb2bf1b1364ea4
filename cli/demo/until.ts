import { setTimeout as delay } from 'node:timers/promises';
import { Mismatch } from './mismatch.ts';

const LOOK_AGAIN_MS = 200;
const PATIENCE_MS = 120_000;

/**
 * Looks again and again until `look` finds something.
 * @throws {Mismatch} naming what did not come within two minutes
 */
export async function until<Found>(what: string, look: () => Promise<Found | undefined>): Promise<Found> {
  const untilMs = Date.now() + PATIENCE_MS;
  while (Date.now() < untilMs) {
    const found = await look();
    if (found !== undefined) return found;
    await delay(LOOK_AGAIN_MS);
  }
  throw new Mismatch(`${what} did not come within ${PATIENCE_MS / 1000} s`);
}
