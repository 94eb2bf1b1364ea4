import type { ChunkLimits } from '../loading/chunk-reader.ts';
import { ChunkReader } from '../loading/chunk-reader.ts';
import { CsvRowWriter } from '../loading/csv-row-writer.ts';
import { JsonRowWriter } from '../loading/json-row-writer.ts';
import type { ImportPlan } from '../plan.ts';
import { ByteWindow, type Position } from './byte-window.ts';
import { type ObjectBytes, readContent } from './content.ts';
import { CsvTokenizer } from './csv-tokenizer.ts';
import { LineTokenizer } from './line-tokenizer.ts';

/** Opens a planned file at a position between two records. */
export function openRows(
  plan: ImportPlan,
  object: ObjectBytes,
  from: Position,
  limits: ChunkLimits,
): ChunkReader {
  const { content } = plan;
  const pieces = readContent(object, content, from.byte);
  const encoding = content.encoding.way === 'transcode' ? 'utf-8' : content.encoding.name;
  if (content.format === 'jsonl') {
    const lines = new LineTokenizer(new ByteWindow(from));
    const writer = new JsonRowWriter(plan.row, encoding);
    return new ChunkReader(pieces, lines, (out) => writer.write(lines, out), limits);
  }
  const records = new CsvTokenizer(new ByteWindow(from), content.delimiter.charCodeAt(0));
  const writer = new CsvRowWriter(plan.row, encoding);
  return new ChunkReader(pieces, records, (out) => writer.write(records, out), limits);
}
