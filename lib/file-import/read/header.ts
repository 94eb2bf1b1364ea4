import { TextDecoder } from 'node:util';
import { InvalidInputError } from '../../core/errors.ts';
import type { CsvTokenizer } from './csv-tokenizer.ts';
import { readingLimits } from './limits.ts';
import { mark } from './record-tokenizer.ts';

/**
 * The column names of the record taken last, trimmed.
 * @throws InvalidInputError when it cannot be a header: broken, too wide, a name empty or there twice.
 */
export function readHeader(record: CsvTokenizer, encoding: string): string[] {
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
