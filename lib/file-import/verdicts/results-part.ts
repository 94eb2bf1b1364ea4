import { leastPartBytes } from '../../aws/s3-join.ts';
import { addLine } from '../encode/chunk.ts';
import { groupName, type ImportFolder, isOfKind, type WorkObject } from '../folder.ts';
import {
  addTally,
  emptyTally,
  type FrequentMessage,
  isArrived,
  mergeMessages,
  noteMessage,
  type Tally,
  type Verdict,
} from '../load/row-outcome.ts';
import { smallGroups } from '../load/send-group.ts';

const resultsHeader = 'line,outcome,target_table,sys_id,display,message,row_key,import_set\r\n';

/** The columns behind the line number. */
function verdictColumns(verdict: Verdict): string {
  const {
    outcome,
    targetTable = '',
    sysId = '',
    display = '',
    message = '',
    key = '',
    importSet = '',
  } = verdict;
  const [table, id] = [spreadsheetSafe(targetTable), spreadsheetSafe(sysId)];
  const own = `${spreadsheetSafe(key)},${spreadsheetSafe(importSet)}`;
  return `${outcome},${table},${id},${spreadsheetSafe(display)},${spreadsheetSafe(message)},${own}`;
}

/** What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection"). */
const formulaStart = /^[\s]*[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/;

/** The same where a spreadsheet may see a new cell: half the world's separate cells by semicolons, and then know no quotes here. */
const formulaInside = /([;\t\r\n]\s*)(?=[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g;

/** A CSV field that no spreadsheet runs: an apostrophe before what would be a formula, quoted where needed. */
export function spreadsheetSafe(value: string): string {
  if (value === '') return value;
  const inside = /[;\t\r\n]/.test(value) ? value.replaceAll(formulaInside, "$1'") : value;
  const safe = formulaStart.test(inside) ? `'${inside}` : inside;
  return /[",\r\n]/.test(safe) || safe !== value ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const firstCapacity = 64 * 1024;
/** So many characters of text are encoded at once: a call for each line costs more than the line. */
const encodedAtOnce = 8 * 1024;
/** A UTF-16 unit takes three bytes in UTF-8 at most. */
const bytesPerUnit = 3;
const ZERO = 48;
const maxDigits = 16;

/**
 * A part of `results.csv`, as bytes that grow line by line, and what the lines came to. No text and no object is kept of a
 * line, and one part after another is gathered in the same place: in a file of millions of lines they would be most of the garbage.
 */
export class ResultsPart {
  /** Whose lines were added last. */
  group: number | undefined;
  tally: Tally = emptyTally();
  /** Lines that arrived, or were there already. */
  arrived = 0;
  /** Lines that ServiceNow did not take, with the reason: they are given back in rejected.csv too. */
  failed: (readonly [line: number, reason: string])[] = [];
  /** Lines that were not sent, as runs: they are given back in unsent.csv. */
  unsent: number[] = [];
  #messages = new Map<string, FrequentMessage>();
  #bytes = Buffer.allocUnsafe(firstCapacity);
  #length = 0;
  #text = '';
  #last: Verdict | undefined;
  #lastColumns = '';
  #lastBytes: Uint8Array | undefined;

  /** Begins a part behind the lines `before`; what was in it is gone. */
  begin(group: number, before: string): void {
    this.#length = 0;
    this.#text = before;
    this.goOn(group);
  }

  /** Leaves what is in it and begins to count for another group. */
  goOn(group: number): void {
    this.group = group;
    this.tally = emptyTally();
    this.arrived = 0;
    this.failed = [];
    this.unsent = [];
    this.#messages = new Map();
    this.#last = undefined;
  }

  /** Adds a line; they have to come in the order of the file. */
  add(line: number, verdict: Verdict): void {
    const { outcome, message = '' } = verdict;
    this.tally[outcome]++;
    if (verdict === this.#last) this.#addBytes(line);
    else this.#addText(line, verdict);
    if (isArrived(verdict)) {
      this.arrived++;
      return;
    }
    if (outcome === 'notSent') addLine(this.unsent, line);
    noteMessage(this.#messages, outcome, message, line);
    if (outcome === 'error' || outcome === 'skipped')
      this.failed.push([line, `${outcome}: ${message || 'no reason given'}`]);
  }

  /** Valid until the next line is added. */
  get csv(): Uint8Array {
    this.#encode();
    return this.#bytes.subarray(0, this.#length);
  }

  /** What went wrong, the most frequent first. */
  get messages(): FrequentMessage[] {
    return [...this.#messages.values()].sort((a, b) => b.count - a.count);
  }

  #addText(line: number, verdict: Verdict): void {
    this.#last = verdict;
    this.#lastColumns = `,${verdictColumns(verdict)}\r\n`;
    this.#lastBytes = undefined;
    this.#text += line + this.#lastColumns;
    if (this.#text.length >= encodedAtOnce) this.#encode();
  }

  /** A line with the verdict of the one before: there are long runs of them. */
  #addBytes(line: number): void {
    if (this.#text !== '') this.#encode();
    this.#lastBytes ??= Buffer.from(this.#lastColumns);
    this.#reserve(maxDigits + this.#lastBytes.length);
    this.#addDigits(line);
    this.#bytes.set(this.#lastBytes, this.#length);
    this.#length += this.#lastBytes.length;
  }

  #addDigits(line: number): void {
    let digits = 1;
    for (let bound = 10; bound <= line; bound *= 10) digits++;
    let rest = line;
    for (let at = this.#length + digits - 1; at >= this.#length; at--) {
      const tens = Math.floor(rest / 10);
      this.#bytes[at] = ZERO + rest - tens * 10;
      rest = tens;
    }
    this.#length += digits;
  }

  #encode(): void {
    this.#reserve(this.#text.length * bytesPerUnit);
    this.#length += this.#bytes.write(this.#text, this.#length);
    this.#text = '';
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** What a group's lines came to. */
export type GroupVerdict = {
  readonly tally: Tally;
  /** How many of them arrived, or were there already. */
  readonly arrived: number;
  readonly messages: readonly FrequentMessage[];
};

/** What the groups came to whose verdicts are known. */
type CollectedVerdicts = {
  readonly collectedGroups: number;
  readonly tally: Tally;
  /** Absent in an import that an earlier release began. */
  readonly arrived?: number | undefined;
  readonly messages: readonly FrequentMessage[];
};

/** Adds those of the next group. */
export function addVerdict(before: CollectedVerdicts, { tally, arrived, messages }: GroupVerdict) {
  return {
    collectedGroups: before.collectedGroups + 1,
    tally: addTally(before.tally, tally),
    ...(before.arrived === undefined ? {} : { arrived: before.arrived + arrived }),
    messages: mergeMessages(before.messages, messages),
  };
}

/**
 * Makes the part ready for the lines of a group. Where the one before is that of a small group, with which an import begins,
 * and not large enough for S3 to copy, the new one holds its lines too.
 */
export async function beginPart(folder: ImportFolder, part: ResultsPart, group: number): Promise<void> {
  if (group === 0) return part.begin(group, resultsHeader);
  if (group >= smallGroups) return part.begin(group, '');
  const before = group - 1;
  if (part.group !== before) part.begin(before, (await folder.read(groupName('results', before))) ?? '');
  if (part.csv.length < leastPartBytes) part.goOn(group);
  else part.begin(group, '');
}

/** Stores a group's part of `results.csv`, and which of its lines failed in ServiceNow. */
export async function writePart(
  folder: ImportFolder,
  group: number,
  { csv, failed, unsent, tally, arrived, messages }: ResultsPart,
): Promise<GroupVerdict> {
  await folder.write(groupName('results', group), csv, 'text/csv');
  if (failed.length > 0) await folder.write(groupName('failed', group), JSON.stringify(failed));
  if (unsent.length > 0) await folder.write(groupName('unsent', group), JSON.stringify(unsent));
  return { tally, arrived, messages };
}

/** Joins the parts to `results.csv`. An import that loaded nothing has none. */
export async function joinParts(folder: ImportFolder, work: readonly WorkObject[]): Promise<void> {
  const all = work.filter(({ name }) => isOfKind('results', name));
  const isInNext = (size: number, group: number) =>
    size < leastPartBytes && group + 1 < Math.min(all.length, smallGroups);
  const parts = all.filter(({ size }, group) => !isInNext(size, group));
  const contentType = 'text/csv; charset=utf-8';
  if (parts.length === 0) await folder.write('results.csv', resultsHeader, contentType);
  else await folder.join('results.csv', parts, contentType);
}
