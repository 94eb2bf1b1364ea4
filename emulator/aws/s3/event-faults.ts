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
  /** Share of events, 0 to 1, whose message has records around the event's own that announce no object to read. @default 0 */
  readonly odd?: number;
};

/** A copy of an event on its way. */
type EventCopy = {
  /** After how many milliseconds it is delivered. */
  readonly delayMs: number;
  /** What its message holds. */
  readonly body: string;
};

/** Makes the copies of the next event from its message. */
export type EventPlan = (body: string) => readonly EventCopy[];

/** The plan for events under these faults; without any, each comes once and at once. */
export function eventPlan(faults: EventFaults | undefined): EventPlan {
  if (!faults) return (body) => [{ delayMs: 0, body }];
  const { seed, latestMs = 0, doubled = 0, odd = 0 } = faults;
  const random = seededRandom(seed);
  const copy = (body: string) => ({
    delayMs: Math.round(random() * latestMs),
    body: odd > 0 && random() < odd ? amongOddRecords(body) : body,
  });
  return (body) => (random() < doubled ? [copy(body), copy(body)] : [copy(body)]);
}

/** An object's name that is never there. */
export const goneName = 'never-there';

/**
 * The message of an event with records around its own: some that name no object, one of another bucket, one of something else that
 * happened, and one of an object without a version that is gone.
 */
function amongOddRecords(body: string): string {
  const [record] = JSON.parse(body).Records;
  const { bucket, object } = record.s3;
  const { versionId: _, size: __, ...unversioned } = object;
  const key = `${object.key.replace(/[^/]+$/, '')}${goneName}-${object.sequencer}.csv`;
  const otherBucket = { ...bucket, name: `${bucket.name}-other` };
  const Records = [
    ...[null, 5, 'text', [], {}],
    { ...record, s3: { ...record.s3, bucket: otherBucket } },
    { ...record, eventName: 'ObjectTagging:Put' },
    record,
    { ...record, s3: { ...record.s3, object: { ...unversioned, key } } },
    { ...record, eventName: 'ObjectRemoved:DeleteMarkerCreated' },
  ];
  return JSON.stringify({ Records });
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
