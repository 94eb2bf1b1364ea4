import type { NoteMark } from '../aws/note-marks.ts';
import { parseInstanceTime } from '../servicenow/encoded-query.ts';
import { isSameText } from './replay.ts';

/** An entry that a journal holds. */
export type JournalEntry = {
  readonly sys_id: string;
  readonly element: string;
  readonly value: string;
  /** The end of the second in which it was written. */
  readonly atMs: number;
};

/** A note, and when it was first sent, in milliseconds since the Unix epoch. */
type SentNote = { readonly column: string; readonly text: string; readonly sentAtMs: number };

/** By how much the clock of an instance may differ from ours. */
export const skewMs = 2 * 60_000;

/** How far back other notes with the same text are looked at, to distinguish their entries from ours. */
export const lookBackMs = 10 * 60_000;

/**
 * The entries that may be of a note: with its text, written since it was first sent, and not those of other keys.
 * @param others what is known of the notes of other keys with the same text
 */
export function entriesOf(
  note: SentNote,
  entries: readonly JournalEntry[],
  others: readonly NoteMark[],
): readonly JournalEntry[] {
  const alike = entries.filter((entry) => isAlike(note, entry));
  return withoutOthers(alike, others).filter(({ atMs }) => atMs >= note.sentAtMs - skewMs);
}

/** True for an entry with the text of a note. */
export function isAlike({ column, text }: SentNote, { element, value }: JournalEntry): boolean {
  return element === column && isSameText(value, text);
}

/** Leaves out the entries of other messages: those assigned to one, and for each other message that was written, one of its time. */
function withoutOthers(alike: readonly JournalEntry[], others: readonly NoteMark[]): readonly JournalEntry[] {
  const assigned = new Set(others.map(({ entryId }) => entryId));
  const left = alike.filter(({ sys_id }) => !assigned.has(sys_id)).toSorted((a, b) => a.atMs - b.atMs);
  const written = others.filter(({ state, entryId }) => state === 'applied' && entryId === undefined);
  for (const { sentAtMs, appliedAtMs = sentAtMs } of written.toSorted((a, b) => a.sentAtMs - b.sentAtMs)) {
    const index = left.findIndex(({ atMs }) => atMs >= sentAtMs - skewMs && atMs <= appliedAtMs + skewMs);
    if (index >= 0) left.splice(index, 1);
  }
  return left;
}

/** The end of the second that an instance gives; of a time that cannot be read it is assumed to be ours. */
export function fromInstanceTime(text: string): number {
  const ms = parseInstanceTime(text);
  return ms === undefined ? Number.POSITIVE_INFINITY : ms + 999;
}
