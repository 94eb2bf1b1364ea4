import { type Chunk, lineList, rowsOf } from '../encode/chunk.ts';
import type { InstanceRow } from '../instance.ts';
import type { ImportPlan, ValueKind } from '../plan/import-plan.ts';
import type { LineResult, Verdict } from './row-outcome.ts';
import { type ComparedColumn, sentColumns } from './row-prints.ts';

/** What a value is that its column keeps as it is. */
const kept: Readonly<Record<ValueKind, string>> = {
  integer: 'whole number',
  decimal: 'number',
  boolean: 'true or false',
  date: 'date (yyyy-MM-dd)',
  date_time: 'time (yyyy-MM-dd HH:mm:ss)',
  other: 'value of its type',
};

type TypedColumn = ComparedColumn & { readonly kind: ValueKind };

const isTyped = (column: ComparedColumn): column is TypedColumn => column.kind !== 'text';

/**
 * Columns that keep no text: an instance stores nothing, or something else, of a value that is none of theirs, and takes the row all the
 * same (docs/servicenow-contract.md 1.6).
 */
export function typedColumns(plan: ImportPlan): readonly TypedColumn[] {
  return sentColumns(plan).filter(isTyped);
}

/**
 * Adds to the verdicts on the rows of a chunk which of their values the instance did not keep.
 * @param storedOf the staging row of a line, where it was read
 */
export function noteAltered(
  columns: readonly TypedColumn[],
  { lines, body }: Chunk,
  storedOf: (line: number) => InstanceRow | undefined,
  verdicts: Map<number, LineResult>,
): void {
  const all = lineList(lines);
  for (const [place, row] of rowsOf(body).entries()) {
    const line = all[place] ?? 0;
    const [stored, verdict] = [storedOf(line), verdicts.get(line)];
    if (!stored || !verdict) continue;
    const remarks = columns.flatMap(({ column, jsonKey, kind }) => {
      const held = stored[column];
      if (held === undefined || keeps(kind, row[jsonKey] ?? '', held)) return [];
      return held === ''
        ? `${column} is empty: the value of the file is no ${kept[kind]}`
        : `${column} has another value than the file`;
    });
    verdicts.set(line, { ...withRemarks(verdict, remarks), line });
  }
}

/** The verdict on a row that was taken and cannot be read: with the values of which the instance may have kept nothing. */
export function withUnfitValues<V extends Verdict>(
  columns: readonly TypedColumn[],
  row: Readonly<Record<string, unknown>>,
  verdict: V,
): V {
  const unfit = columns.filter(({ kind, jsonKey }) => !isOfKind(kind, String(row[jsonKey] ?? '')));
  return withRemarks(
    verdict,
    unfit.map(({ column, kind }) => `${column} may be empty: the value of the file is no ${kept[kind]}`),
  );
}

function withRemarks<V extends Verdict>(verdict: V, remarks: readonly string[]): V {
  const { outcome, message = '' } = verdict;
  const isTaken = outcome === 'inserted' || outcome === 'updated' || outcome === 'ignored';
  if (remarks.length === 0 || !isTaken) return verdict;
  return { ...verdict, isAltered: true, message: [message, ...remarks].filter(Boolean).join('; ') };
}

const truthy = new Set(['true', '1', 'yes', 'y', 'on', 't']);
const falsy = new Set(['false', '0', 'no', 'n', 'off', 'f']);
const wholeNumber = /^[+-]?\d[\d,]*(\.0*)?$/;
const anyNumber = /^[+-]?(\d[\d,]*)?(\.\d*)?(e[+-]?\d+)?$/i;
const anyDate = /^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?Z?)?$/;

/** True for a value that a column of this kind keeps, as far as the value shows it. */
function isOfKind(kind: ValueKind, value: string): boolean {
  const given = value.trim();
  switch (kind) {
    case 'integer':
      return given === '' || wholeNumber.test(given);
    case 'decimal':
      return given === '' || (anyNumber.test(given) && /\d/.test(given));
    case 'boolean':
      return given === '' || truthy.has(given.toLowerCase()) || falsy.has(given.toLowerCase());
    case 'date':
    case 'date_time':
      return given === '' || anyDate.test(given);
    case 'other':
      return true;
  }
}

/** True where a column holds what it makes of a value that is one of its kind. */
function keeps(kind: ValueKind, sent: string, stored: string): boolean {
  const [given, held] = [sent.trim(), stored.trim()];
  if (given === '' || given === held) return true;
  switch (kind) {
    case 'integer':
    case 'decimal':
      return held !== '' && numberOf(given) === numberOf(held);
    case 'boolean':
      return (held === 'true' ? truthy : falsy).has(given.toLowerCase());
    case 'date':
      return held !== '' && given.startsWith(held);
    case 'date_time':
      return held !== '' && timeOf(given) === timeOf(held);
    case 'other':
      return held !== '';
  }
}

const numberOf = (text: string) => Number(text.replaceAll(',', ''));

/** Without what only shows how a time is written. */
function timeOf(text: string): string {
  const time = text.replace('T', ' ').replace(/(\.\d+)?Z?$/, '');
  return time.length === 10 ? `${time} 00:00:00` : time;
}
