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
  /** Share of events that come together with records that cannot be read, and leave out the size of their object, 0 to 1. @default 0 */
  readonly odd?: number;
};

/** How each copy of the next event is delivered. */
export type EventPlan = () => readonly PlannedEvent[];

type PlannedEvent = { readonly delayMs: number; readonly isOdd: boolean };

/** The plan for events under these faults; without any, each comes once and at once. */
export function eventPlan(faults: EventFaults | undefined): EventPlan {
  if (!faults) return () => [{ delayMs: 0, isOdd: false }];
  const { seed, latestMs = 0, doubled = 0, odd = 0 } = faults;
  const random = seededRandom(seed);
  // Numbers of their own, so that the delays of a seed stay what they are.
  const randomOdd = seededRandom(seed + 1);
  const one = () => ({ delayMs: Math.round(random() * latestMs), isOdd: randomOdd() < odd });
  return () => (random() < doubled ? [one(), one()] : [one()]);
}

/** The same event among records that name no object, its size and ETag being null. */
export function oddMessage(message: string): string {
  const { Records }: { Records: Record<string, unknown>[] } = JSON.parse(message, (name, value) =>
    name === 'size' || name === 'eTag' ? null : value,
  );
  return JSON.stringify({ Records: [null, {}, ...Records, { eventName: null, s3: null }] });
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
