import { InvalidInputError } from '../../core/errors.ts';
import type { ContentPlan } from '../plan.ts';
import { ByteWindow } from '../read/byte-window.ts';
import { type ObjectBytes, readContent } from '../read/content.ts';
import { CsvTokenizer } from '../read/csv-tokenizer.ts';
import { detectDelimiter } from '../read/dialect.ts';
import { detectEncoding, type Encoding } from '../read/encoding.ts';
import { readHeader } from '../read/header.ts';
import type { Drop } from '../schedule/drop-key.ts';
import type { ImportSettings } from './settings.ts';

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
