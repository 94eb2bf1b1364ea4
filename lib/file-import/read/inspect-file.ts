import { TextDecoder } from 'node:util';
import { InvalidInputError } from '../../core/errors.ts';
import { visibleText } from '../plan/column-text.ts';
import type { ContentPlan, Encoding } from '../plan/import-plan.ts';
import type { ImportSettings } from '../plan/settings.ts';
import type { Drop } from '../schedule/import-request.ts';
import { type ObjectBytes, readContent } from './content.ts';
import { CsvTokenizer } from './csv-tokenizer.ts';
import { detectDelimiter, foreignFormat, foreignText, namedDelimiter, typeLineBytes } from './dialect.ts';
import { detectEncoding, encodingAdvice, likelyEncoding } from './encoding.ts';
import { FirstRows } from './first-rows.ts';
import { withoutFormula } from './formula.ts';
import { ByteWindow, mark, readingLimits } from './record-tokenizer.ts';

/** A file's dialect and, for delimited text, its header. */
export type InspectedFile = {
  readonly content: ContentPlan;
  /** Names may be empty, or there twice. */
  readonly header: readonly string[];
  /** Places in the header of columns without a name that are empty in the first rows, too. */
  readonly emptyColumns: readonly number[];
};

/** Bytes at the front of a file: enough to recognise the dialect. */
export const headBytes = 64 * 1024;

/**
 * Looks at the front of a file: what it is at all, byte order mark, delimiter, header.
 * @throws InvalidInputError when it is not text, is empty, or has no header that can be read
 */
export async function inspectFile(
  object: ObjectBytes,
  drop: Pick<Drop, 'format' | 'gzip'>,
  settings: ImportSettings,
): Promise<InspectedFile> {
  const raw = await readHead(object, drop.gzip, undefined);
  const foreign = foreignFormat(raw, drop);
  if (foreign !== undefined) throw new InvalidInputError('file', foreign);
  const encoding = detectEncoding(raw, settings.encoding, settings.delimiter);
  const isTranscoded = encoding.way === 'transcode';
  const head = isTranscoded ? await readHead(object, drop.gzip, encoding) : raw;
  if (isTranscoded) refuseForeignText(head, drop);
  const bomBytes = isTranscoded && encoding.bomBytes > 0 ? 3 : encoding.bomBytes;
  const isLines = drop.format === 'jsonl';
  const named = isLines ? undefined : namedDelimiter(head, bomBytes);
  const typeBytes = isLines ? 0 : typeLineBytes(head, bomBytes);
  const textStart = bomBytes + typeBytes;
  const delimiter =
    settings.delimiter ?? named ?? (drop.format === 'tsv' ? '\t' : detectDelimiter(head.subarray(textStart)));
  const likely = likelyEncoding(raw, encoding, raw.length >= headBytes);
  const shape = {
    format: drop.format,
    gzip: drop.gzip,
    delimiter,
    start: { byte: textStart, line: typeBytes > 0 ? 2 : 1 },
    headerBytes: '',
    ...(likely ? { likelyEncoding: likely } : {}),
    ...(named === undefined ? {} : { namesDelimiter: true }),
  };
  if (isLines) return { content: { ...shape, encoding }, header: [], emptyColumns: [] };
  return readFront(object, { ...shape, encoding: detectEncoding(raw, settings.encoding, delimiter) });
}

/** Of a transcoded file: only its text says whether it is markup or JSON. */
function refuseForeignText(head: Uint8Array, { format }: Pick<Drop, 'format'>): void {
  const foreign = foreignText(new TextDecoder().decode(head.subarray(0, 4_096)), format);
  if (foreign !== undefined) throw new InvalidInputError('file', foreign);
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

/** Takes the first record that is not blank (and not `sep=;`) as the header, and looks at the rows behind it. */
async function readFront(object: ObjectBytes, content: ContentPlan): Promise<InspectedFile> {
  const window = new ByteWindow(content.start);
  const records = new CsvTokenizer(window, content);
  const pieces = readContent(object, content, content.start.byte);
  const next = async (): Promise<boolean> => {
    for (;;) {
      const taken = records.next();
      if (taken === 'record' || taken === 'end') return taken === 'record';
      if (taken === 'blank') continue;
      const { done, value } = await pieces.next();
      window.push(done ? new Uint8Array(0) : value, done === true);
    }
  };
  try {
    if (content.namesDelimiter === true) await next();
    if (!(await next())) throw new InvalidInputError('file', 'holds no header and no rows');
    const header = readHeader(records, content);
    const { startLine, position: start } = window;
    const headerBytes = Buffer.from(window.bytes.subarray(window.start, window.contentEnd)).toString(
      'base64',
    );
    const rows = new FirstRows(header);
    while (rows.isWanting && window.position.byte - start.byte < headBytes && (await next()))
      rows.add(records);
    rows.refuseTitle(startLine);
    return { content: { ...content, start, headerBytes }, header, emptyColumns: rows.emptyColumns };
  } finally {
    await pieces.return(undefined);
  }
}

/**
 * The column names of the record taken last, trimmed; names behind the last one that are empty are trailing delimiters.
 * @throws InvalidInputError when it cannot be a header: broken or too wide
 */
function readHeader(record: CsvTokenizer, { encoding, likelyEncoding: likely }: ContentPlan): string[] {
  if (record.problem !== undefined) throw new InvalidInputError('header', record.problem);
  const advice = encodingAdvice(likely);
  if ((record.marks & mark.nul) !== 0)
    throw new InvalidInputError('header', `holds a NUL; is this a text file?${advice}`);
  if (record.fieldCount > readingLimits.maxColumns)
    throw new InvalidInputError(
      'header',
      `${record.fieldCount} columns, ${readingLimits.maxColumns} at most`,
    );
  const text = encoding.way === 'transcode' ? 'utf-8' : encoding.name;
  const decoder = new TextDecoder(text, { fatal: true, ignoreBOM: true });
  const names = Array.from({ length: record.fieldCount }, (_, i) =>
    fieldText(record, i, decoder, { name: encoding.name, advice }).trim(),
  );
  while (names.length > 1 && visibleText(names.at(-1) ?? '') === '') names.pop();
  return names;
}

function fieldText(
  record: CsvTokenizer,
  i: number,
  decoder: TextDecoder,
  { name, advice }: { readonly name: string; readonly advice: string },
): string {
  const bytes = record.window.bytes.subarray(record.starts[i], record.ends[i]);
  try {
    const text = decoder.decode(bytes);
    const isDoubled = ((record.fieldMarks[i] ?? 0) & mark.doubled) !== 0;
    return withoutFormula(isDoubled ? text.replaceAll('""', '"') : text);
  } catch (cause) {
    const reason = `column ${i + 1} is not valid ${name}${advice}`;
    throw new InvalidInputError('header', reason, { cause });
  }
}
