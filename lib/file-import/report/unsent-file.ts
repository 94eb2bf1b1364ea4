import { InvalidInputError } from '../../core/errors.ts';
import { linesOf } from '../encode/chunk.ts';
import { readLedger } from '../load/ledger.ts';
import { RawRecords } from '../read/raw-records.ts';
import { byteOrderMark, newline, type RejectedSource, readHeld } from './rejected-file.ts';

/**
 * Writes `unsent.csv` (or `.jsonl`): the rows that an import which stopped did not send, under the header of the file and as
 * they stand in it, so that they can be dropped as they are.
 * @returns its name, or undefined when there are none
 */
export async function writeUnsentFile(source: RejectedSource): Promise<string | undefined> {
  const rows = unsentRows(source);
  const first = await rows.next();
  if (first.done) return undefined;
  const isJson = source.plan.content.format === 'jsonl';
  const name = isJson ? 'unsent.jsonl' : 'unsent.csv';
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
