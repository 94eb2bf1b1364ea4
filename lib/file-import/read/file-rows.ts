import type { ChunkLimits } from '../load/chunk-reader.ts';
import { ChunkReader } from '../load/chunk-reader.ts';
import { CsvRowWriter } from '../load/csv-row-writer.ts';
import { JsonRowWriter } from '../load/json-row-writer.ts';
import type { ImportPlan } from '../plan.ts';
import { ByteWindow, type Position } from './byte-window.ts';
import { type ObjectBytes, readContent } from './content.ts';
import { CsvTokenizer } from './csv-tokenizer.ts';
import { LineTokenizer } from './line-tokenizer.ts';
import { SourceBytes } from './source-bytes.ts';

/** Opens a planned file at a position between two records. */
export function openRows(
  plan: ImportPlan,
  object: ObjectBytes,
  from: Position,
  limits: ChunkLimits,
): ChunkReader {
  const { content } = plan;
  const isTranscoded = content.encoding.way === 'transcode';
  const source = isTranscoded ? new SourceBytes() : undefined;
  const pieces = readContent(object, content, from.byte, source);
  const text = { encoding: content.encoding.name, ...(source ? { source } : {}) };
  if (content.format === 'jsonl') {
    const lines = new LineTokenizer(new ByteWindow(from));
    const writer = new JsonRowWriter(plan.row, text);
    return new ChunkReader(pieces, lines, (out) => writer.write(lines, out), limits);
  }
  const records = new CsvTokenizer(new ByteWindow(from), content.delimiter.charCodeAt(0));
  const writer = new CsvRowWriter(plan.row, text);
  return new ChunkReader(pieces, records, (out) => writer.write(records, out), limits);
}
