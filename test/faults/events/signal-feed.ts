import { hashOfEvent } from '../../../lib/record-queue/life-cycle/mark.ts';
import type { Dice } from '../harness/dice.ts';
import type { EventMessage, Feed } from './message.ts';

/**
 * Things that send signals themselves, with everything that the alarms have not: times in whole seconds, so that different changes share
 * one; short times in which a record is reopened; columns that are written again; records that are not resolved while they are assigned.
 */
export class SignalFeed implements Feed {
  readonly counts: Record<string, number> = {};
  readonly #dice: Dice;
  readonly #keys: number;
  readonly #lastAt = new Map<string, number>();
  #changes = 0;

  constructor(dice: Dice, keys: number) {
    this.#dice = dice;
    this.#keys = keys;
  }

  async change(count: number): Promise<readonly EventMessage[]> {
    return Array.from({ length: count }, () => this.#changeOne());
  }

  #changeOne(): EventMessage {
    const { random, pick, chance } = this.#dice;
    const number = Math.floor(random() * this.#keys);
    const key = `thing ${number}`;
    this.#changes += 1;
    const eventId = `signal ${this.#changes}`;
    const kind = pick(['open', 'resolve', 'open', 'resolve', 'update', 'note'] as const);
    const atMs = Math.floor(Date.now() / 1000) * 1000;
    if (this.#lastAt.get(key) === atMs) this.#count('two changes in one second');
    this.#lastAt.set(key, atMs);
    this.#count(`signal: ${kind}`);
    const isHeldWhileAssigned = number % 4 !== 0;
    const isNotedOnResolved = chance(50);
    const text = `change s${this.#changes}|`;
    const body = {
      ...{ action: 'signal', signal: kind, source: 'storm', key, eventId, at: new Date(atMs).toISOString() },
      fields: { short_description: `Signal of ${key}`, description: text, impact: '2', urgency: '2' },
      update: ['description'],
      note: isNotedOnResolved ? { text, onResolved: true } : text,
      resolve: {
        ...{ state: '6', close_code: 'Solution provided', close_notes: 'over' },
        ...(isHeldWhileAssigned && { unless: 'assigned' }),
      },
      reopen: { within: 'PT3S', state: '2', atMost: 2 },
    };
    const signal = { key, kind, atMs, hash: hashOfEvent(eventId), withinMs: 3_000, atMost: 2 };
    return { signal: { ...signal, isHeldWhileAssigned, isNotedOnResolved }, forms: [JSON.stringify(body)] };
  }

  #count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }
}
