import type { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import type { Clock } from '../clock.ts';

const TICKS_PER_MS = 65_536n;
const Row = z.object({ last: z.string().nullable() });

/**
 * Gives the `sequencer` of events: upper-case hex that rises with every change, also over a restart and with a clock
 * that stands still. https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export class Sequencer {
  readonly #clock: Clock;
  #last: bigint;

  constructor(database: DatabaseSync, clock: Clock) {
    this.#clock = clock;
    const { last } = Row.parse(database.prepare('SELECT max(sequencer) AS last FROM object').get());
    this.#last = last === null ? 0n : BigInt(`0x${last}`);
  }

  next(): string {
    const now = BigInt(this.#clock.now()) * TICKS_PER_MS;
    this.#last = now > this.#last ? now : this.#last + 1n;
    return this.#last.toString(16).toUpperCase().padStart(18, '0');
  }
}
