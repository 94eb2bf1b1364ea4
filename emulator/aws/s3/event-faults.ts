/**
 * How event notifications are less kind than they usually are: S3 delivers them at least once, mostly within seconds, and in any order.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
 */
export type EventFaults = {
  /** Chooses which events are late or doubled; the same seed chooses the same ones. */
  readonly seed: number;
  /** Every event comes up to this late, so that later ones overtake it. @default 0 */
  readonly latestMs?: number;
  /** Share of events that come twice, 0 to 1. @default 0 */
  readonly doubled?: number;
};

/** After how many milliseconds each copy of the next event is delivered. */
export type EventPlan = () => readonly number[];

/** The plan for events under these faults; without any, each comes once and at once. */
export function eventPlan(faults: EventFaults | undefined): EventPlan {
  if (!faults) return () => [0];
  const { seed, latestMs = 0, doubled = 0 } = faults;
  const random = seededRandom(seed);
  const delay = () => Math.round(random() * latestMs);
  return () => (random() < doubled ? [delay(), delay()] : [delay()]);
}

/** Mulberry32: numbers from 0 to 1, the same ones for the same seed. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
