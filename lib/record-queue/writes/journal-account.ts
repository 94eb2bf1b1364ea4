import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { writtenJournalColumns } from '../../servicenow/records.ts';
import type { RecordValues } from '../../servicenow/requests.ts';

/** What one message adds to the journal of a record. */
export type Notes = {
  readonly sysId: string;
  /** By which the message is known. */
  readonly key: string;
  /** Texts by journal column. */
  readonly texts: readonly (readonly [column: string, text: string])[];
};

/** The notes among the values that are written to a record. */
export function notesIn(record: RecordValues, sysId: string, key: string): Notes {
  const texts = writtenJournalColumns(record).map((column) => [column, String(record[column])] as const);
  return { sysId, key, texts };
}

/** An entry that an instance holds. */
export type JournalEntry = { readonly sys_id: string; readonly element: string; readonly value: string };

/**
 * What a process knows of the entries it has added to the journals of an instance. An entry does not say which message it
 * is of: without this account a note would be taken for another message's with the same text.
 */
export class JournalAccount {
  readonly #clock: Clock;
  readonly #done = new Recent();
  /** Entries that the instance has told us of, by sys_id, and such as we know only to be there, by their contents. */
  readonly #claimed = new Recent();
  readonly #written = new Recent();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True when this process has seen to these very notes before. */
  isDone(notes: Notes): boolean {
    return this.#done.count(nameOf(notes)) > 0;
  }

  /** Takes down that these notes were written just now. */
  addWritten(notes: Notes): void {
    if (notes.texts.length === 0) return;
    const nowMs = this.#clock.now();
    this.#done.add(nameOf(notes), nowMs);
    for (const [column, text] of notes.texts) this.#written.add(entryName(notes, column, text), nowMs);
  }

  /**
   * Looks among the entries for those that these notes made, and takes them down as theirs. They are written together or
   * not at all, so that one is enough.
   * @param sinceMs milliseconds since the Unix epoch; no entry is older
   * @returns false when there is none that is not another message's
   */
  claim(notes: Notes, entries: readonly JournalEntry[], sinceMs: number): boolean {
    const nowMs = this.#clock.now();
    const own = notes.texts.flatMap(([column, text]) => {
      const alike = entries.filter((entry) => this.#isFree(entry, column, text));
      const others = this.#written.count(entryName(notes, column, text), sinceMs);
      return alike.length > others ? alike.slice(0, 1) : [];
    });
    for (const { sys_id } of own) this.#claimed.add(sys_id, nowMs);
    if (own.length > 0) this.#done.add(nameOf(notes), nowMs);
    return own.length > 0;
  }

  #isFree({ sys_id, element, value }: JournalEntry, column: string, text: string): boolean {
    return element === column && normal(value) === normal(text) && this.#claimed.count(sys_id) === 0;
  }
}

/** Line ends, outer blanks and characters that cannot be seen may change on the way into a journal. */
function normal(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
}

function nameOf({ sysId, key, texts }: Notes): string {
  return digest([sysId, key, texts]);
}

function entryName({ sysId }: Notes, column: string, text: string): string {
  return digest([sysId, column, normal(text)]);
}

function digest(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

const mostNames = 10_000;

/** The moments of what happened last, by name. */
class Recent {
  readonly #moments = new Map<string, readonly number[]>();

  add(name: string, atMs: number): void {
    const before = this.#moments.get(name) ?? [];
    this.#moments.delete(name);
    this.#moments.set(name, [...before.slice(-99), atMs]);
    const [oldest] = this.#moments.keys();
    if (this.#moments.size > mostNames && oldest !== undefined) this.#moments.delete(oldest);
  }

  count(name: string, sinceMs = Number.NEGATIVE_INFINITY): number {
    return (this.#moments.get(name) ?? []).filter((atMs) => atMs >= sinceMs).length;
  }
}
