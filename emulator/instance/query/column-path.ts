import type { Schema } from '../schema/schema.ts';
import type { Column } from '../schema/table.ts';

/** One column, and the table on which it was looked up. */
export type PathSegment = { readonly table: string; readonly column: Column };

/** A column of a row, or of a row that its references lead to (`caller_id.department.name`). */
export type ColumnPath = {
  /** As written in the query. */
  readonly text: string;
  /** The references walked over, from the row on. */
  readonly via: readonly PathSegment[];
  readonly leaf: PathSegment;
};

/** Every column on the way, the last one included, by the table on which it was looked up. */
export function columnsOn({ via, leaf }: ColumnPath): { table: string; name: string }[] {
  return [...via, leaf].map(({ table, column }) => ({ table, name: column.name }));
}

/** All of `text` as a path, or undefined when it names no known column. */
export function findPath(schema: Schema, table: string, text: string): ColumnPath | undefined {
  for (const { path, rest } of readPaths(schema, table, text)) if (rest === '') return path;
  return undefined;
}

/**
 * The paths that `text` may start with, longest column name first, and what follows each. The order matters since a
 * name may hold an operator: with columns `u_p` and `u_pIN`, `u_pIN=1` means the latter.
 */
export function* readPaths(
  schema: Schema,
  table: string,
  text: string,
): Generator<{ path: ColumnPath; rest: string }> {
  yield* walk(schema, table, text, '', []);
}

function* walk(
  schema: Schema,
  table: string,
  text: string,
  walked: string,
  via: readonly PathSegment[],
): Generator<{ path: ColumnPath; rest: string }> {
  const longest = /^\w*/.exec(text)?.[0].length ?? 0;
  for (let length = longest; length > 0; length -= 1) {
    const name = text.slice(0, length);
    const column = schema.column(table, name);
    if (!column) continue;
    const step = { table, column };
    const rest = text.slice(length);
    if (!rest.startsWith('.')) yield { path: { text: walked + name, via, leaf: step }, rest };
    else if (column.reference !== undefined) {
      yield* walk(schema, column.reference, rest.slice(1), `${walked}${name}.`, [...via, step]);
    }
  }
}
