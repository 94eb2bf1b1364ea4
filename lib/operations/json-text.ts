import * as z from 'zod/mini';
import { parseJson } from '../core/parse-json.ts';

/** Marks text that is not JSON; no schema below accepts it, so the schema's own message is given. */
const notJson = Symbol('not JSON');

/**
 * An object, or the JSON text of one: the seed's templates can only hand over text. It is parsed as JSON, never
 * evaluated. Empty text is an empty object.
 */
export function orJsonText<S extends z.ZodMiniType>(schema: S) {
  return z.pipe(
    z.transform((value: unknown) => (typeof value === 'string' ? readText(value) : value)),
    schema,
  );
}

function readText(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return parseJson(text);
  } catch {
    return notJson;
  }
}
