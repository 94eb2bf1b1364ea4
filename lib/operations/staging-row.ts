import { InvalidInputError } from '../core/errors.ts';
import type { RecordColumns } from './record.ts';

/**
 * ServiceNow turns anything but text into its own notation on the way into a staging table (`{a=1}` for an object), and
 * does not say so; such a row is refused here.
 * @param path where the row stands in the input, e.g. `records[3]`
 * @throws InvalidInputError naming the first column that is not text
 */
export function requireTextColumns(row: RecordColumns, path: string): RecordColumns {
  for (const [column, value] of Object.entries(row)) {
    if (typeof value === 'string') continue;
    throw new InvalidInputError(
      `${path}.${column}`,
      `a staging table takes text only and this is ${kindOf(value)}; give it in quotes`,
    );
  }
  return row;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
