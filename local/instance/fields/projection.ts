import type { Schema } from '../schema/schema.ts';
import type { Column } from '../schema/table.ts';
import type { Row } from '../store/row.ts';
import type { Viewer } from './display.ts';
import { type FieldValue, type Presentation, shapeField } from './shape.ts';

/** One field of an answer: its key, the references to follow, and the column at their end. */
type Field = { readonly key: string; readonly path: readonly Column[]; readonly column: Column };

/** Which fields of a table an answer holds, in the order in which the table has them. */
export class Projection {
  readonly #fields: readonly Field[];
  /** The columns of the table itself that are needed to fill the fields. */
  readonly columns: readonly string[];

  /**
   * @param asked `sysparm_fields`, dot-walks allowed; unknown ones are left out. All columns without.
   * @param readable whether the caller may read a column of a table; hidden ones are left out.
   */
  constructor(
    schema: Schema,
    table: string,
    asked: readonly string[] | undefined,
    readable: (table: string, column: string) => boolean = () => true,
  ) {
    const own = schema.columns(table).filter((column) => !asked || asked.includes(column.name));
    const walked = (asked ?? []).filter((name) => name.includes('.'));
    this.#fields = [
      ...own
        .filter((column) => readable(table, column.name))
        .map((column) => ({ key: column.name, path: [], column })),
      ...walked.flatMap((key) => walk(schema, table, key, readable) ?? []),
    ];
    this.columns = [...new Set(this.#fields.flatMap(neededColumns)), 'sys_id'];
  }

  /** The record of the answer. */
  project(viewer: Viewer, how: Presentation, row: Row): Record<string, FieldValue> {
    const record: Record<string, FieldValue> = {};
    for (const field of this.#fields) record[field.key] = project(viewer, how, field, row);
    return record;
  }
}

function walk(
  schema: Schema,
  table: string,
  key: string,
  readable: (table: string, column: string) => boolean,
): Field | undefined {
  const names = key.split('.');
  const path: Column[] = [];
  let at = table;
  for (const name of names.slice(0, -1)) {
    const column = schema.column(at, name);
    if (!column?.reference || !readable(at, name)) return undefined;
    path.push(column);
    at = column.reference;
  }
  const column = schema.column(at, names.at(-1) ?? '');
  return column && readable(at, column.name) ? { key, path, column } : undefined;
}

function neededColumns(field: Field): string[] {
  const first = field.path[0] ?? field.column;
  return first.documentTable ? [first.name, first.documentTable] : [first.name];
}

function project(viewer: Viewer, how: Presentation, field: Field, row: Row): FieldValue {
  let at: Row | undefined = row;
  for (const step of field.path) {
    const key: string = at?.[step.name] ?? '';
    at = key === '' || !step.reference ? undefined : viewer.follow(step.reference, key, step.referenceKey);
  }
  return shapeField(viewer, how, field.column, at ?? {});
}
