import { readFileSync } from 'node:fs';
import type { ZodType } from 'zod';

/**
 * The parsed and checked content of a JSON file.
 * @throws Error of one line that names the file, where in it the first fault is, and how many there are.
 */
export function readJsonFile<Content>(file: string, schema: ZodType<Content>): Content {
  const checked = schema.safeParse(parse(file));
  if (checked.success) return checked.data;
  const [first, ...more] = checked.error.issues;
  const at = first === undefined || first.path.length === 0 ? '' : `${placeOf(first.path)}: `;
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  throw new Error(`${file}: ${at}${first?.message}${others}`);
}

/** `tables[0].columns[1].kind` */
function placeOf(path: readonly PropertyKey[]): string {
  const parts = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`));
  return parts.join('').replace(/^\./, '');
}

function parse(file: string): unknown {
  // What the system says of a file that cannot be read names it, too.
  const text = readFileSync(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
