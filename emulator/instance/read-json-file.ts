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
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
