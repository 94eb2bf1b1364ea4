import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import { digestOf } from '../aws/digest.ts';
import type { NoteKey } from '../aws/note-marks.ts';
import type { ServiceNowResponse } from '../servicenow/call.ts';
import { startsOf } from './cut-notes.ts';
import type { OperationDeps } from './define-operation.ts';
import { journalColumnsOf } from './dictionary.ts';
import type { RecordColumns } from './record-input.ts';
import { normalise } from './replay.ts';
import { storedText } from './stored-value.ts';
import type { WriteLedger } from './write-ledger.ts';

/** A note on its way into a journal of a record. */
export type Note = NoteKey & { readonly text: string };

/** The notes that a record adds to these columns. Writing an empty value to a journal adds no entry. */
export function notesIn(record: RecordColumns, sysId: string, columns: readonly string[]): readonly Note[] {
  const texts = columns.map((column) => ({ column, text: storedText(record[column]) }));
  return texts
    .filter(({ text }) => text.trim() !== '')
    .map((note) => ({ ...note, sysId, textDigest: digestOf(normalise(note.text)) }));
}

/** Notes that were written under a key, and when. In milliseconds since the Unix epoch. */
export type WrittenNotes = {
  readonly sysId: string;
  /** The name of the key. */
  readonly name: string;
  readonly notes: readonly Note[];
  readonly askedAtMs: number;
  readonly sentAtMs: number;
  readonly appliedAtMs: number;
};

/** Remembers notes that were written: later ones with the same text must not take their entries. */
export async function rememberNotes(
  { notes: marks }: Pick<WriteLedger, 'notes'>,
  { sysId, name: key, notes, askedAtMs, sentAtMs, appliedAtMs }: WrittenNotes,
): Promise<void> {
  const mark = { key, state: 'applied', sentAtMs, untilMs: appliedAtMs, appliedAtMs } as const;
  const starts = startsOf(notes.map(({ column, text }) => [column, text] as const));
  await Promise.all([
    marks.rememberColumns(sysId, key, [], { sentAtMs, askedAtMs }, { starts, untilMs: appliedAtMs }),
    ...notes.map((note) => marks.rememberNote(note, mark)),
  ]);
}

type Written = {
  readonly table: string;
  readonly sysId: string | undefined;
  readonly record: RecordColumns;
  /** @default none: the write had no key */
  readonly name?: string | undefined;
  readonly sentAtMs: number;
};

/** As `rememberNotes`, of a write over HTTP that the instance has answered. What cannot be remembered now is not. */
export async function rememberNotesOf(
  { table, sysId, record, name = randomUUID(), sentAtMs }: Written,
  { client, clock, context, ledger }: OperationDeps,
): Promise<void> {
  if (!ledger || sysId === undefined) return;
  const appliedAtMs = clock.now();
  const columns = await journalColumnsOf(client, clock).likelyAmong(table, Object.keys(record), context);
  const notes = notesIn(record, sysId, columns);
  const written = { sysId, name, notes, askedAtMs: sentAtMs, sentAtMs, appliedAtMs };
  if (notes.length > 0) await rememberNotes(ledger, written).catch(() => undefined);
}

/** The sys_id of what a create made, if its answer shows it. */
export function createdSysId({ headers, body }: ServiceNowResponse): string | undefined {
  const inLocation = /\/table\/[^/]+\/([A-Za-z0-9_-]{1,32})(?:[?#].*)?$/.exec(headers['location'] ?? '')?.[1];
  if (inLocation !== undefined) return inLocation;
  const { data } = z.safeParse(createdRecord, body);
  const value = data?.result.sys_id;
  return typeof value === 'string' ? value : value?.value;
}

const createdRecord = z.object({
  result: z.object({ sys_id: z.optional(z.union([z.string(), z.object({ value: z.string() })])) }),
});
