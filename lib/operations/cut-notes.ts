import * as z from 'zod/mini';
import { digestOf } from '../aws/digest.ts';
import type { NoteMark, NoteMarks, RivalNote } from '../aws/note-marks.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { encodedQuery } from '../servicenow/encoded-query.ts';
import { listRequest } from '../servicenow/records.ts';
import { entriesOf, isAlike, type JournalEntry, lookBackMs, skewMs } from './note-entries.ts';
import { isSameText, normalise, shortestPrefix } from './replay.ts';

/** Of how many characters at the beginning of a note a digest is kept, to distinguish notes that a column cuts. */
const startLengths = [4, 8, 16] as const;

/** Digests of the beginnings of notes, as an instance may show them, by column. They are compared with each other only: a few characters suffice. */
export function startsOf(notes: Iterable<readonly [column: string, text: string]>) {
  return Object.fromEntries(
    [...notes].map(([column, text]) => [
      column,
      startLengths.map((length) => startOf(withMarks(normalise(text)), length)),
    ]),
  );
}

function startOf(text: string, length: number): string {
  return text.length < length ? '' : digestOf(text.slice(0, length)).slice(0, 8);
}

type Note = {
  readonly sysId: string;
  readonly column: string;
  readonly text: string;
  readonly sentAtMs: number;
};

/**
 * The entries that may be of a note, as it was sent or as its column shows it: of our own user, and without those of other keys.
 * @param others what is known of the notes of other keys with the same text
 * @param own the name of the key of the note
 * @param isOurs which entries our user has written
 */
export async function ownEntriesOf(
  note: Note,
  entries: readonly JournalEntry[],
  others: readonly NoteMark[],
  own: string,
  notes: Pick<NoteMarks, 'rivalsSince'>,
  isOurs: () => Promise<ReadonlySet<string>>,
): Promise<readonly JournalEntry[]> {
  if (!entries.some((entry) => isAlike(note, entry))) return cutEntriesOf(note, entries, own, notes, isOurs);
  // A person or another program may have written the same words.
  const ours = await isOurs();
  return entriesOf(
    note,
    entries.filter(({ sys_id }) => ours.has(sys_id)),
    others,
  );
}

/**
 * The entries that may be of a note of which its column keeps less than distinguishes it from others, few characters or question
 * marks for its emoji: those of our own user that it begins with, without one for each note of other keys that begins alike and
 * may have been written at that time.
 * @param own the name of the key of the note
 * @param isOurs which entries our user has written
 */
async function cutEntriesOf(
  { sysId, column, text, sentAtMs }: Note,
  entries: readonly JournalEntry[],
  own: string,
  notes: Pick<NoteMarks, 'rivalsSince'>,
  isOurs: () => Promise<ReadonlySet<string>>,
): Promise<readonly JournalEntry[]> {
  const wanted = normalise(text);
  const alike = entries.filter(({ element, value }) => element === column && isReduced(value, wanted));
  if (!alike.some(({ atMs }) => atMs >= sentAtMs - skewMs)) return [];
  const [rivals, ours] = await Promise.all([
    notes.rivalsSince(sysId, column, sentAtMs - lookBackMs - skewMs, own),
    isOurs(),
  ]);
  const shown = withMarks(wanted);
  const shortest = Math.min(...alike.map(({ value }) => withMarks(normalise(value)).length));
  const left = alike.filter(({ sys_id }) => ours.has(sys_id)).toSorted((a, b) => a.atMs - b.atMs);
  for (const rival of rivals.toSorted((a, b) => a.sentAtMs - b.sentAtMs)) {
    if (!beginsAlike(rival, shown, shortest)) continue;
    const index = left.findIndex(
      ({ atMs }) => atMs >= rival.sentAtMs - skewMs && atMs <= rival.untilMs + skewMs,
    );
    if (index >= 0) left.splice(index, 1);
  }
  return left.filter(({ atMs }) => atMs >= sentAtMs - skewMs);
}

/** As far as it is known, and as far as the column shows. */
function beginsAlike({ starts }: RivalNote, shown: string, shortest: number): boolean {
  const index = startLengths.findLastIndex((length) => length <= shortest);
  const length = startLengths[index];
  const known = starts[index];
  return length === undefined || known === undefined || known === startOf(shown, length);
}

/** Characters for which some databases store a question mark, or several (docs/servicenow-contract.md 11). */
const supplementary = /[\u{10000}-\u{10FFFF}]/u;

/** A text with one question mark in the place of those characters, and of any number of question marks. */
function withMarks(text: string): string {
  return text.replaceAll(/[?\u{10000}-\u{10FFFF}]+/gu, '?');
}

function isReduced(stored: string, wanted: string): boolean {
  const found = normalise(stored);
  if (isCut(found, wanted)) return true;
  // An entry with an emoji is of a database that keeps them.
  if (!supplementary.test(wanted) || supplementary.test(found)) return false;
  const [foundMarks, wantedMarks] = [withMarks(found), withMarks(wanted)];
  return isSameText(foundMarks, wantedMarks) || isCut(foundMarks, wantedMarks);
}

/** Longer beginnings are recognised by themselves: see `isSameText`. */
function isCut(found: string, wanted: string): boolean {
  const isShort = found !== '' && found.length < shortestPrefix && found.length < wanted.length;
  return isShort && wanted.startsWith(found);
}

type Sending = (request: ServiceNowRequest) => Promise<ServiceNowResponse>;

/** Asks which entries of a record's journals were written by the user whom we sign in as, since a time of the instance. */
export async function askWhichAreOurs(
  sysId: string,
  since: string,
  send: Sending,
): Promise<ReadonlySet<string>> {
  const query = encodedQuery()
    .where('element_id', '=', sysId)
    .where('sys_created_on', '>=', since)
    .isCaller('sys_created_by', 'user_name');
  const request = listRequest({ table: 'sys_journal_field', query, fields: ['sys_id'] });
  const entries = z.safeParse(entryRows, (await send(request)).body).data?.result ?? [];
  return new Set(entries.map(({ sys_id }) => sys_id));
}

const entryRows = z.object({ result: z.array(z.object({ sys_id: z.string() })) });
