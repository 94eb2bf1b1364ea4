import { TextDecoder } from 'node:util';
import { InvalidInputError } from '../../core/errors.ts';
import type { ContentPlan, Encoding } from '../plan/import-plan.ts';
import type { ImportSettings } from '../plan/settings.ts';
import type { Drop } from '../schedule/drop-key.ts';
import { ByteWindow } from './byte-window.ts';
import { type ObjectBytes, readContent } from './content.ts';
import { CsvTokenizer } from './csv-tokenizer.ts';
import { detectDelimiter, detectEncoding } from './dialect.ts';
import { mark, readingLimits } from './record-tokenizer.ts';

/** A file's dialect and, for delimited text, its header. */
export type InspectedFile = { readonly content: ContentPlan; readonly header: readonly string[] };

/** Bytes at the front of a file: enough to tell the dialect by. */
export const headBytes = 64 * 1024;

/**
 * Looks at the front of a file: byte order mark, delimiter, header.
 * @throws InvalidInputError when it is empty or its header cannot be used
 */
export async function inspectFile(
  object: ObjectBytes,
  drop: Drop,
  settings: ImportSettings,
): Promise<InspectedFile> {
  const raw = await readHead(object, drop.gzip, undefined);
  const encoding = detectEncoding(raw, settings.encoding, settings.delimiter);
  const isTranscoded = encoding.way === 'transcode';
  const head = isTranscoded ? await readHead(object, drop.gzip, encoding) : raw;
  const delimiter = settings.delimiter ?? (drop.format === 'tsv' ? '\t' : detectDelimiter(head));
  const bomBytes = isTranscoded && encoding.bomBytes > 0 ? 3 : encoding.bomBytes;
  const shape = { format: drop.format, gzip: drop.gzip, encoding, delimiter };
  const front = { byte: bomBytes, line: 1 };
  if (drop.format === 'jsonl') return { content: { ...shape, start: front, headerBytes: '' }, header: [] };
  const found = detectEncoding(raw, settings.encoding, delimiter);
  return readFront(object, { ...shape, encoding: found, start: front, headerBytes: '' });
}

async function readHead(
  object: ObjectBytes,
  gzip: boolean,
  encoding: Encoding | undefined,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of readContent(object, { gzip, ...(encoding ? { encoding } : {}) }, 0)) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes >= headBytes) break;
  }
  return Buffer.concat(pieces).subarray(0, headBytes);
}

/** Takes the first record that is not blank as the header. */
async function readFront(object: ObjectBytes, content: ContentPlan): Promise<InspectedFile> {
  const window = new ByteWindow(content.start);
  const records = new CsvTokenizer(window, content.delimiter.charCodeAt(0));
  const pieces = readContent(object, content, content.start.byte);
  try {
    for (;;) {
      const taken = records.next();
      if (taken === 'record') break;
      if (taken === 'end') throw new InvalidInputError('file', 'holds no header and no rows');
      if (taken === 'blank') continue;
      const { done, value } = await pieces.next();
      window.push(done ? new Uint8Array(0) : value, done === true);
    }
  } finally {
    await pieces.return(undefined);
  }
  const text = content.encoding.way === 'transcode' ? 'utf-8' : content.encoding.name;
  const header = readHeader(records, text);
  const headerBytes = Buffer.from(window.bytes.subarray(window.start, window.contentEnd)).toString('base64');
  return { content: { ...content, start: window.position, headerBytes }, header };
}

/**
 * The column names of the record taken last, trimmed.
 * @throws InvalidInputError when it cannot be a header: broken, too wide, a name empty or there twice.
 */
function readHeader(record: CsvTokenizer, encoding: string): string[] {
  if (record.problem !== undefined) throw new InvalidInputError('header', record.problem);
  if ((record.marks & mark.nul) !== 0)
    throw new InvalidInputError('header', 'holds a NUL; is this a text file?');
  if (record.fieldCount > readingLimits.maxColumns)
    throw new InvalidInputError(
      'header',
      `${record.fieldCount} columns, ${readingLimits.maxColumns} at most`,
    );
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  const names = Array.from({ length: record.fieldCount }, (_, i) => fieldText(record, i, decoder).trim());
  refuseUnusable(names);
  return names;
}

function fieldText(record: CsvTokenizer, i: number, decoder: TextDecoder): string {
  const bytes = record.window.bytes.subarray(record.starts[i], record.ends[i]);
  try {
    const text = decoder.decode(bytes);
    return ((record.fieldMarks[i] ?? 0) & mark.doubled) !== 0 ? text.replaceAll('""', '"') : text;
  } catch (cause) {
    throw new InvalidInputError('header', `column ${i + 1} is not valid ${decoder.encoding}`, { cause });
  }
}

function refuseUnusable(names: readonly string[]): void {
  const seen = new Map<string, number>();
  for (const [i, name] of names.entries()) {
    if (name === '') throw new InvalidInputError('header', `column ${i + 1} has no name`);
    const before = seen.get(name);
    if (before !== undefined)
      throw new InvalidInputError(
        'header',
        `columns ${before + 1} and ${i + 1} are both called ${quoted(name)}`,
      );
    seen.set(name, i);
    if (name === '__proto__') throw new InvalidInputError('header', `column ${i + 1} is called __proto__`);
  }
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 60));
}
