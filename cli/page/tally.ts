import type { StackEvent, StackFeed } from '../feed/feed.ts';

/** What came in to be written by one way, and what it came to: `sent + again` is the sum of the others. */
export type WayTotals = {
  sent: number;
  /** Deliveries of a message beyond the first. */
  again: number;
  written: number;
  duplicates: number;
  refused: number;
  /** Comes back later. */
  putOff: number;
};

/** Totals since the start. */
export type Totals = {
  /** Writes over HTTP, and messages of the queues. */
  ways: Record<'HTTP' | 'SQS', WayTotals>;
  /** HTTP calls and direct invocations, by how they ended. */
  calls: { done: number; refused: number; failed: number };
  /** Messages, each counted once, and deliveries beyond the first. */
  messages: number;
  redelivered: number;
  /** Writes that had been made before, and were not made again. */
  duplicates: number;
  deadLettered: number;
  imports: { done: number; refused: number; failed: number };
};

/** Counts what the feed shows, also what the feed forgets later. */
export class Tally {
  readonly totals: Totals = {
    ways: { HTTP: noWrites(), SQS: noWrites() },
    calls: { done: 0, refused: 0, failed: 0 },
    messages: 0,
    redelivered: 0,
    duplicates: 0,
    deadLettered: 0,
    imports: { done: 0, refused: 0, failed: 0 },
  };

  constructor(feed: StackFeed) {
    for (const event of feed.recent()) this.#count(event);
    feed.subscribe((event) => this.#count(event));
  }

  #count(event: StackEvent): void {
    const { totals } = this;
    const { way } = event;
    if (way === 'SQS' || (way === 'HTTP' && !/^(?:GET|HEAD) /.test(event.subject)))
      countWrite(totals.ways[way], event);
    if (event.outcome === 'duplicate') totals.duplicates += 1;
    if (event.way === 'SQS') {
      if ((event.attempts ?? 1) > 1) totals.redelivered += 1;
      else totals.messages += 1;
      if (event.outcome === 'dead-lettered') totals.deadLettered += 1;
      return;
    }
    // What it was mapped to comes as messages; settings are no import.
    if (event.way === 'Event' || (event.functionKey === 'startImport' && event.outcome === 'done')) return;
    if (event.outcome === 'started' || event.outcome === 'deferred') return;
    const group = event.way === 'S3' ? totals.imports : totals.calls;
    if (event.outcome === 'refused') group.refused += 1;
    else if (event.outcome === 'failed' || event.outcome === 'dead-lettered') group.failed += 1;
    else group.done += 1;
  }
}

function noWrites(): WayTotals {
  return { sent: 0, again: 0, written: 0, duplicates: 0, refused: 0, putOff: 0 };
}

function countWrite(totals: WayTotals, { outcome, attempts = 1 }: StackEvent): void {
  if (attempts > 1) totals.again += 1;
  else totals.sent += 1;
  if (outcome === 'done' || outcome === 'started') totals.written += 1;
  else if (outcome === 'duplicate') totals.duplicates += 1;
  else if (outcome === 'deferred') totals.putOff += 1;
  else totals.refused += 1;
}
