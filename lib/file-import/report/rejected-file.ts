import type { ImportPlan } from '../plan.ts';
import { type RejectedRecord, type RejectedSource, rejectedRows } from './rejected-rows.ts';

/**
 * Writes `rejected.csv` (or `.jsonl`): the records that did not arrive with the bytes they had, each behind its line
 * and the reason, so that they can be repaired and dropped again; `_line` and `_reason` are never imported.
 * @returns its name, or undefined when every row arrived
 */
export async function writeRejectedFile(source: RejectedSource): Promise<string | undefined> {
  const { plan, folder } = source;
  const rows = rejectedRows(source);
  const first = await rows.next();
  if (first.done) return undefined;
  const isJson = plan.content.format === 'jsonl';
  const name = isJson ? 'rejected.jsonl' : 'rejected.csv';
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
  yield Buffer.concat([byteOrderMark(plan), Buffer.from(title), header, newline]);
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
