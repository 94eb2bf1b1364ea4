import { InvalidInputError } from '../../core/errors.ts';
import { linesOf } from '../encode/chunk.ts';
import { groupName, type ImportFolder, type WorkKind } from '../folder.ts';
import { RawRecords } from '../load/file-reader.ts';
import { readLedger } from '../load/ledger.ts';
import type { ImportPlan } from '../plan/import-plan.ts';
import type { ObjectBytes } from '../read/content.ts';

/**
 * Writes `rejected.csv` (or `.tsv`, `.jsonl`): the records that did not arrive with the bytes they had, each behind its line
 * and the reason, so that they can be repaired and dropped again; `_line` and `_reason` are never imported.
 * @returns its name, or undefined when every row arrived
 */
export async function writeRejectedFile(source: RejectedSource): Promise<string | undefined> {
  const { plan, folder } = source;
  const rows = rejectedRows(source);
  const first = await rows.next();
  if (first.done) return undefined;
  const isJson = plan.content.format === 'jsonl';
  // A file of one column is known by its name alone as tab-separated.
  const name = `rejected.${plan.content.format}`;
  const pieces = isJson ? jsonLines(plan, first.value, rows) : delimited(plan, first.value, rows);
  await folder.writeStream(name, pieces, isJson ? 'application/x-ndjson' : 'text/csv');
  return name;
}

/** In the file's own encoding and dialect; transcoded files come back as UTF-8 with its byte order mark. */
async function* delimited(
  plan: ImportPlan,
  first: RejectedRecord,
  rest: AsyncIterable<RejectedRecord>,
): AsyncGenerator<Uint8Array> {
  const { delimiter, headerBytes } = plan.content;
  const row = remarker(plan.row.header, delimiter);
  const header = Buffer.from(headerBytes, 'base64');
  const title = plan.row.header.includes('_reason') ? '' : `_line${delimiter}_reason${delimiter}`;
  const named = plan.content.namesDelimiter ? `sep=${delimiter}\r\n` : '';
  yield Buffer.concat([byteOrderMark(plan), Buffer.from(named + title), header, newline]);
  yield row(first);
  for await (const rejected of rest) yield row(rejected);
}

/** Puts line and reason before a record, in the place of those from an earlier time where the file has them. */
function remarker(header: readonly string[], delimiter: string): (record: RejectedRecord) => Uint8Array {
  const isNew = !header.includes('_reason');
  const isInFront = header[0] === '_line' && header[1] === '_reason';
  const field = `(?:"(?:[^"]|"")*"|[^"${escapeRegExp(delimiter)}]*)${escapeRegExp(delimiter)}`;
  const remarks = new RegExp(`^${field}${field}`);
  return ({ line, reason, raw }) => {
    const old = isInFront ? remarks.exec(Buffer.from(raw).toString('latin1')) : null;
    if (!isNew && !old) return Buffer.concat([raw, newline]);
    const remark = `${line}${delimiter}"${plain(reason).replaceAll('"', '""')}"${delimiter}`;
    return Buffer.concat([Buffer.from(remark), raw.subarray(old?.[0].length ?? 0), newline]);
  };
}

const newline = Buffer.from('\r\n');

function escapeRegExp(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
}

/** The settings may name another encoding, over which the mark wins. */
function byteOrderMark({ content: { encoding } }: ImportPlan): Uint8Array {
  return Buffer.from(encoding.bomBytes > 0 || encoding.way === 'transcode' ? '\uFEFF' : '');
}

/** ASCII only, since the file may be in any encoding. */
function plain(reason: string): string {
  return reason.replaceAll(/[^ -~]/g, '?');
}

/** `_line` and `_reason` from an earlier time. */
const oldRemarks = /^\s*\{\s*"_line":"\d*","_reason":"(?:[^"\\]|\\.)*",?/;

/** The line as it was, `_line` and `_reason` put in front where it is an object. */
async function* jsonLines(
  plan: ImportPlan,
  first: RejectedRecord,
  rest: AsyncIterable<RejectedRecord>,
): AsyncGenerator<Uint8Array> {
  const row = ({ line, reason, raw }: RejectedRecord) => {
    const text = Buffer.from(raw).toString('latin1');
    const remark = ascii(JSON.stringify({ _line: String(line), _reason: reason }).slice(0, -1));
    const [front = ''] = oldRemarks.exec(text) ?? /^\s*\{(?=\s*")/.exec(text) ?? [];
    const marked = front === '' ? [raw] : [Buffer.from(`${remark},`), raw.subarray(front.length)];
    return Buffer.concat([...marked, Buffer.from('\n')]);
  };
  yield Buffer.concat([byteOrderMark(plan), row(first)]);
  for await (const rejected of rest) yield row(rejected);
}

/** JSON with escapes for all that is not ASCII, since the file may be in any encoding. */
function ascii(json: string): string {
  return json.replaceAll(/[^ -~]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A row that did not arrive, as it stands in the file. */
export type RejectedRecord = { readonly line: number; readonly reason: string; readonly raw: Uint8Array };

/** Where the rows are found. */
export type RejectedSource = {
  readonly folder: ImportFolder;
  readonly plan: ImportPlan;
  readonly object: ObjectBytes;
  readonly groups: number;
  /** Names of what there is below `work/`. */
  readonly held: ReadonlySet<string>;
};

/**
 * The rows that we rejected and those that failed in ServiceNow, by line. The latter are read once more from the file;
 * when it is gone by now, only the former come.
 */
async function* rejectedRows(source: RejectedSource): AsyncGenerator<RejectedRecord> {
  const records = new RawRecords(source.plan, source.object);
  try {
    for (let group = 0; group < source.groups; group++) {
      const rejected = await readRejected(source, group);
      const failed = await readFailed(source, group);
      const from = failed.size > 0 ? (await readLedger(source.folder, group))?.from : undefined;
      if (from) yield* merge(rejected, failedRows(records, from, failed));
      else yield* rejected;
    }
  } finally {
    await records.close();
  }
}

async function* merge(
  rejected: readonly RejectedRecord[],
  failed: AsyncIterable<RejectedRecord>,
): AsyncGenerator<RejectedRecord> {
  let next = 0;
  for await (const row of failed) {
    for (let other = rejected[next]; other && other.line < row.line; other = rejected[++next]) yield other;
    yield row;
  }
  yield* rejected.slice(next);
}

async function* failedRows(
  records: RawRecords,
  from: { readonly byte: number; readonly line: number },
  failed: ReadonlyMap<number, string>,
): AsyncGenerator<RejectedRecord> {
  let left = failed.size;
  try {
    for await (const { line, raw } of records.from(from)) {
      const reason = failed.get(line);
      if (reason === undefined) continue;
      yield { line, reason, raw };
      if (--left === 0) return;
    }
  } catch (error) {
    // The file was replaced or is damaged: its rows cannot be given back, results.csv still names them.
    if (!(error instanceof InvalidInputError)) throw error;
  }
}

async function readRejected(source: RejectedSource, group: number): Promise<RejectedRecord[]> {
  const stored = await readHeld(source, 'rejected', group);
  return (stored?.split('\n') ?? []).map((text) => {
    const { line, reason, raw }: { line: number; reason: string; raw: string } = JSON.parse(text);
    return { line, reason, raw: Buffer.from(raw, 'base64') };
  });
}

async function readFailed(source: RejectedSource, group: number): Promise<Map<number, string>> {
  const stored = await readHeld(source, 'failed', group);
  const pairs: [number, string][] = stored === undefined ? [] : JSON.parse(stored);
  return new Map(pairs);
}

/** Most groups have nothing of the kind, which need not be asked for. */
async function readHeld(
  { folder, held }: RejectedSource,
  kind: WorkKind,
  group: number,
): Promise<string | undefined> {
  const name = groupName(kind, group);
  return held.has(name) ? folder.read(name) : undefined;
}

/**
 * Writes `unsent.csv` (or `.tsv`, `.jsonl`): the rows that an import which stopped did not send, under the header of the file and as
 * they stand in it, so that they can be dropped as they are.
 * @returns its name, or undefined when there are none
 */
export async function writeUnsentFile(source: RejectedSource): Promise<string | undefined> {
  const rows = unsentRows(source);
  const first = await rows.next();
  if (first.done) return undefined;
  const isJson = source.plan.content.format === 'jsonl';
  const name = `unsent.${source.plan.content.format}`;
  await source.folder.writeStream(
    name,
    fileOf(source, first.value, rows),
    isJson ? 'application/x-ndjson' : 'text/csv',
  );
  return name;
}

async function* fileOf(
  { plan }: RejectedSource,
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const { delimiter, format, headerBytes, namesDelimiter } = plan.content;
  const ending = format === 'jsonl' ? Buffer.from('\n') : newline;
  const named = namesDelimiter ? Buffer.from(`sep=${delimiter}\r\n`) : Buffer.alloc(0);
  const header = format === 'jsonl' ? [] : [named, Buffer.from(headerBytes, 'base64'), ending];
  yield Buffer.concat([byteOrderMark(plan), ...header, first, ending]);
  for await (const row of rest) yield Buffer.concat([row, ending]);
}

async function* unsentRows(source: RejectedSource): AsyncGenerator<Uint8Array> {
  const records = new RawRecords(source.plan, source.object);
  try {
    for (let group = 0; group < source.groups; group++) {
      const stored = await readHeld(source, 'unsent', group);
      const runs: number[] = stored === undefined ? [] : JSON.parse(stored);
      const from = runs.length > 0 ? (await readLedger(source.folder, group))?.from : undefined;
      if (!from) continue;
      const left = new Set(linesOf(runs));
      for await (const { line, raw } of records.from(from)) {
        if (left.delete(line)) yield raw;
        if (left.size === 0) break;
      }
    }
  } catch (error) {
    // The file was replaced or is damaged: its rows cannot be given back, results.csv still names them.
    if (!(error instanceof InvalidInputError)) throw error;
  } finally {
    await records.close();
  }
}
