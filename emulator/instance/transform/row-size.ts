import type { Schema } from '../schema/schema.ts';
import type { Row } from '../store/row.ts';

const bytesPerCharacter = 4;

/**
 * Whether a staging row is no longer than a row may be: one that is longer is skipped (ServiceNow docs, "Maximum row
 * size"). Every value counts as long as its column lets it become.
 */
export function isWithinRowSize(schema: Schema, table: string, row: Row, maxBytes: number): boolean {
  let characters = 0;
  for (const name in row) characters += row[name]?.length ?? 0;
  if (characters * bytesPerCharacter <= maxBytes) return true;
  let bytes = 0;
  for (const name in row) {
    const kept = (row[name] ?? '').slice(0, schema.column(table, name)?.maxLength ?? 0);
    bytes += Buffer.byteLength(kept);
  }
  return bytes <= maxBytes;
}
