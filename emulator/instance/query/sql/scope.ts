import type { Schema } from '../../schema/schema.ts';
import type { Column, ColumnKind } from '../../schema/table.ts';
import type { ColumnPath, PathSegment } from '../column-path.ts';
import type { QueryContext } from '../context.ts';
import { bind, type Fragment, quote, sql } from '../fragment.ts';

/** What a condition is compiled in: the row it is about, and who asks. */
export type Scope = {
  readonly schema: Schema;
  readonly context: QueryContext;
  /** SQL alias of the row. */
  readonly alias: string;
  /** Class of the row, as queried. */
  readonly table: string;
  /** An alias that nothing else in the statement bears. */
  readonly newAlias: () => string;
};

/** The scope of a statement about one table, whose row bears the alias `t0`. */
export function rootScope(schema: Schema, table: string, context: QueryContext): Scope {
  let aliases = 0;
  const newAlias = () => {
    aliases += 1;
    return `t${aliases}`;
  };
  return { schema, context, table, alias: 't0', newAlias };
}

/** The same scope one row further: inside a sub-select on `table`. */
export function enter(scope: Scope, table: string): Scope {
  return { ...scope, table, alias: scope.newAlias() };
}

/** `"task" t3`, limited to the rows that are of the scope's class by `ofClass`. */
export function from({ schema, table, alias }: Scope): string {
  return `${quote(schema.storage(table))} ${alias}`;
}

/** Leaves out the rows of other classes that share the SQL table. */
export function ofClass({ schema, table, alias }: Scope): Fragment {
  if (schema.storage(table) === table) return { sql: '1', params: [] };
  const classes = schema.descendants(table);
  return { sql: `${alias}."sys_class_name" IN (${classes.map(() => '?').join(', ')})`, params: classes };
}

/**
 * The value of a column, as one SQL expression. References are walked by correlated sub-selects, so that the
 * condition stands alone wherever the row's alias is known.
 */
export function columnSql(scope: Scope, path: ColumnPath): Fragment {
  const owner = path.via.reduce<Owner>((at, step) => ({ scope, at, step }), undefined);
  const { column } = path.leaf;
  if (column.kind === 'journal' || column.kind === 'journal_list') {
    return journal(scope, owner ? keyOf(scope, owner) : sql`${scope.alias}."sys_id"`, column.name);
  }
  return columnOf(scope, owner, column.name);
}

/** The display value of the record that a reference column leads to; the column itself when it has none. */
export function displaySql(scope: Scope, path: ColumnPath): Fragment {
  const { reference } = path.leaf.column;
  const column = reference === undefined ? undefined : displayColumn(scope, reference);
  if (reference === undefined || !column) return columnSql(scope, path);
  const via = [...path.via, path.leaf];
  return columnSql(scope, { text: `${path.text}.${column.name}`, via, leaf: { table: reference, column } });
}

/** Kinds whose text compares without regard to case. */
export function isText(kind: ColumnKind): boolean {
  return ['string', 'choice', 'journal', 'journal_list', 'password2'].includes(kind);
}

type Owner = { readonly scope: Scope; readonly at: Owner; readonly step: PathSegment } | undefined;

function keyOf(scope: Scope, owner: NonNullable<Owner>): Fragment {
  return columnOf(scope, owner.at, owner.step.column.name);
}

function columnOf(scope: Scope, owner: Owner, name: string): Fragment {
  if (!owner) return sql`${scope.alias}.${quote(name)}`;
  const { reference = '', referenceKey = 'sys_id' } = owner.step.column;
  const alias = scope.newAlias();
  const table = quote(scope.schema.storage(reference));
  const key = keyOf(scope, owner);
  return sql`(SELECT ${alias}.${quote(name)} FROM ${table} ${alias} WHERE ${alias}.${quote(referenceKey)} = ${key})`;
}

function displayColumn({ schema }: Scope, table: string): Column | undefined {
  return schema.column(table, schema.displayColumn(table));
}

/** The entries of a journal column as one text, oldest first. */
function journal(scope: Scope, key: Fragment, name: string): Fragment {
  if (!scope.schema.table('sys_journal_field')) return sql`NULL`;
  const names = name === 'comments_and_work_notes' ? ['comments', 'work_notes'] : [name];
  const alias = scope.newAlias();
  const elements = names.map((element) => bind(element));
  const either = { sql: elements.map(() => '?').join(', '), params: names };
  return sql`(SELECT group_concat(${alias}."value", char(10)) FROM "sys_journal_field" ${alias} WHERE ${alias}."element_id" = ${key} AND ${alias}."element" IN (${either}))`;
}
