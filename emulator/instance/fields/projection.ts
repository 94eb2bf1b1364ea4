import type { Row } from '../row.ts';
import type { Schema } from '../schema/schema.ts';
import type { Column } from '../schema/table.ts';
import { inAnswerOrder } from './key-order.ts';
import { type FieldValue, type Presentation, shapeField, type Viewer } from './shape.ts';

/** One field of an answer: its key, the references to follow, and the column at their end. */
type Field = { readonly key: string; readonly path: readonly Column[]; readonly column: Column };

/** Which fields of a table an answer holds, in the order in which an instance writes them. */
export class Projection {
  readonly #fields: readonly Field[];
  /** The columns of the table itself that are needed to fill the fields. */
  readonly columns: readonly string[];

  /** @param asked `sysparm_fields`, dot-walks allowed; unknown ones are left out. All columns without. */
  constructor(schema: Schema, table: string, asked: readonly string[] | undefined) {
    this.#fields = asked
      ? inAnswerOrder([...new Set(asked)].flatMap((key) => walk(schema, table, key) ?? []))
      : allFields(schema.columns(table));
    this.columns = [...new Set([...this.#fields.flatMap(neededColumns), 'sys_id'])];
  }

  /** The columns that the fields are, or undefined when a field lies beyond a reference. */
  get ownColumns(): Column[] | undefined {
    const walks = this.#fields.some((field) => field.path.length > 0);
    return walks ? undefined : this.#fields.map((field) => field.column);
  }

  /** The record of the answer. */
  project(viewer: Viewer, how: Presentation, row: Row): Record<string, FieldValue> {
    const record: Record<string, FieldValue> = {};
    for (const field of this.#fields) record[field.key] = project(viewer, how, field, row);
    return record;
  }
}

const knownFields = new WeakMap<readonly Column[], Field[]>();

/** A schema gives the same array for a table for as long as its columns are the same. */
function allFields(columns: readonly Column[]): Field[] {
  const known = knownFields.get(columns);
  if (known) return known;
  const shown = columns.filter(({ onlyWhenAsked }) => !onlyWhenAsked);
  const alphabetical = shown.sort((left, right) => (left.name < right.name ? -1 : 1));
  const fields = inAnswerOrder(alphabetical.map((column) => ({ key: column.name, path: [], column })));
  knownFields.set(columns, fields);
  return fields;
}

function walk(schema: Schema, table: string, key: string): Field | undefined {
  const names = key.split('.');
  const path: Column[] = [];
  let at = table;
  for (const name of names.slice(0, -1)) {
    const column = schema.column(at, name);
    if (!column?.reference) return undefined;
    path.push(column);
    at = column.reference;
  }
  const column = schema.column(at, names.at(-1) ?? '');
  return column && { key, path, column };
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

/** A projected record without the fields that are closed to the caller. */
export function withoutClosed<Projected extends Record<string, unknown>>(
  record: Projected,
  isClosed: ((path: string) => boolean) | undefined,
): Projected {
  if (!isClosed) return record;
  for (const name of Object.keys(record)) {
    if (isClosed(name)) delete record[name];
  }
  return record;
}
