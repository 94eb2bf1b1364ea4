import { readFileSync } from 'node:fs';
import type { ZodType } from 'zod';
import { zod } from './lazy-schema.ts';

/**
 * The parsed and checked content of a JSON file.
 * @throws Error that names the file and, for each fault, where in it.
 */
export function readJsonFile<Content>(file: string, schema: ZodType<Content>): Content {
  const checked = schema.safeParse(parse(file));
  if (checked.success) return checked.data;
  throw new Error(`${file} is not as it should be:\n${zod().prettifyError(checked.error)}`);
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
