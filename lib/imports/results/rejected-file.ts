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
  const pieces = isJson ? jsonLines(first.value, rows) : delimited(plan, first.value, rows);
  await folder.writeStream(name, pieces, isJson ? 'application/x-ndjson' : 'text/csv');
  return name;
}

/** In the file's own encoding and dialect; transcoded files come back as UTF-8 with its byte order mark. */
async function* delimited(
  plan: ImportPlan,
  first: RejectedRecord,
  rest: AsyncIterable<RejectedRecord>,
): AsyncGenerator<Uint8Array> {
  const { delimiter, encoding, headerBytes } = plan.content;
  const isMarked = encoding.bomBytes > 0 || encoding.way === 'transcode';
  const header = Buffer.from(headerBytes, 'base64');
  // A file that was rejected before carries remarks already; two columns more would only push them on.
  const hasRemarks = plan.row.header.includes('_reason');
  yield Buffer.concat([
    Buffer.from(isMarked ? '\uFEFF' : ''),
    Buffer.from(hasRemarks ? '' : `_line${delimiter}_reason${delimiter}`),
    header,
    newline,
  ]);
  const row = ({ line, reason, raw }: RejectedRecord) => {
    const remark = `${line}${delimiter}"${plain(reason).replaceAll('"', '""')}"${delimiter}`;
    return Buffer.concat([Buffer.from(hasRemarks ? '' : remark), raw, newline]);
  };
  yield row(first);
  for await (const rejected of rest) yield row(rejected);
}

const newline = Buffer.from('\r\n');

/** ASCII only, since the file may be in any encoding. */
function plain(reason: string): string {
  return reason.replaceAll(/[^ -~]/g, '?');
}

/** The line as it was, `_line` and `_reason` put in front where it is an object. */
async function* jsonLines(
  first: RejectedRecord,
  rest: AsyncIterable<RejectedRecord>,
): AsyncGenerator<Uint8Array> {
  const row = ({ line, reason, raw }: RejectedRecord) => {
    const bytes = Buffer.from(raw);
    const remark = JSON.stringify({ _line: String(line), _reason: reason }).slice(0, -1);
    const isObject = /^\s*\{\s*"/.test(bytes.toString('latin1').slice(0, 100));
    const marked = isObject ? [Buffer.from(`${remark},`), bytes.subarray(bytes.indexOf('{') + 1)] : [bytes];
    return Buffer.concat([...marked, Buffer.from('\n')]);
  };
  yield row(first);
  for await (const rejected of rest) yield row(rejected);
}
