import { DatabaseSync } from 'node:sqlite';
import { compileQuery } from '../../../../emulator/instance/query/compile.ts';
import {
  defaultQuerySwitches,
  type QueryContext,
  type QuerySwitches,
} from '../../../../emulator/instance/query/context.ts';
import type { SqlValue } from '../../../../emulator/instance/query/fragment.ts';
import { Schema } from '../../../../emulator/instance/schema/schema.ts';
import type { Column, ColumnKind } from '../../../../emulator/instance/schema/table.ts';

export type SampleRow = Readonly<Record<string, string>>;

export function column(name: string, kind: ColumnKind, more: Partial<Column> = {}): Column {
  return { name, label: name, kind, maxLength: 100, ...more };
}

/** Users with departments, and tasks with two classes below them. */
export function sampleSchema(): Schema {
  const schema = new Schema();
  schema.add({ name: 'dept', label: 'Department', display: 'name', columns: [id, column('name', 'string')] });
  schema.add({
    name: 'person',
    label: 'Person',
    display: 'name',
    columns: [
      id,
      column('name', 'string'),
      column('dept', 'reference', { reference: 'dept' }),
      column('boss', 'reference', { reference: 'person' }),
    ],
  });
  schema.add({ name: 'task', label: 'Task', display: 'number', columns: taskColumns });
  schema.add({
    name: 'incident',
    label: 'Incident',
    parent: 'task',
    columns: [column('severity', 'integer'), column('INstall', 'string'), column('u_ONE', 'string')],
  });
  schema.add({ name: 'major', label: 'Major incident', parent: 'incident', columns: [] });
  schema.add({ name: 'problem', label: 'Problem', parent: 'task', columns: [] });
  schema.add({
    name: 'sys_user_grmember',
    label: 'Group member',
    columns: [id, column('user', 'string'), column('group', 'string')],
  });
  return schema;
}

const id = column('sys_id', 'guid');
const taskColumns: Column[] = [
  id,
  column('sys_class_name', 'class_name'),
  column('number', 'string'),
  column('title', 'string'),
  column('details', 'string'),
  column('priority', 'integer'),
  column('cost', 'decimal'),
  column('active', 'boolean'),
  column('opened', 'date_time'),
  column('closed', 'date_time'),
  column('due', 'date'),
  column('caller', 'reference', { reference: 'person' }),
  column('parent', 'reference', { reference: 'task' }),
];

/** A database with the rows given, as the store lays it out: one SQL table per hierarchy, empty as NULL. */
export function sampleDatabase(
  schema: Schema,
  rows: Readonly<Record<string, readonly SampleRow[]>>,
): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  for (const [storage, columns] of storages(schema)) {
    const list = [...columns].map(([name, { kind }]) => `"${name}" ${isNumeric(kind) ? 'NUMERIC' : 'TEXT'}`);
    database.exec(`CREATE TABLE "${storage}" (${list.join(', ')})`);
    for (const row of rows[storage] ?? []) insert(database, storage, columns, row);
  }
  return database;
}

/** The sys_ids that a query finds among the rows of a table, in the order that it asks for, then by sys_id. */
export function find(
  database: DatabaseSync,
  schema: Schema,
  table: string,
  query: string,
  options: { switches?: Partial<QuerySwitches>; context?: Partial<QueryContext> } = {},
): string[] {
  const context = { ...sampleContext, ...options.context };
  const switches = { ...defaultQuerySwitches, ...options.switches };
  const compiled = compileQuery(schema, table, query, { ...context, switches });
  const order = compiled.orderBy === '' ? 't0.sys_id' : `${compiled.orderBy}, t0.sys_id`;
  const statement = database.prepare(
    `SELECT t0.sys_id AS id FROM "${schema.storage(table)}" t0 WHERE ${compiled.where} ORDER BY ${order}`,
  );
  return statement.all(...compiled.params).map((row) => String(row['id']));
}

/** Wednesday 2026-03-18 15:30:00 UTC; the user sits in New York (UTC-4 on that day). */
export const sampleContext: QueryContext = {
  clock: { now: () => Date.UTC(2026, 2, 18, 15, 30, 0) },
  user: { sysId: 'u1', userName: 'abel', name: 'Abel Tuter', timeZone: 'America/New_York' },
  switches: defaultQuerySwitches,
};

function storages(schema: Schema): Map<string, Map<string, Column>> {
  const found = new Map<string, Map<string, Column>>();
  for (const { name } of schema.tables()) {
    const columns = found.get(schema.storage(name)) ?? new Map<string, Column>();
    for (const one of schema.columns(name)) columns.set(one.name, one);
    found.set(schema.storage(name), columns);
  }
  return found;
}

function insert(database: DatabaseSync, storage: string, columns: Map<string, Column>, row: SampleRow): void {
  const names = Object.keys(row);
  const places = names.map(() => '?').join(', ');
  const values = names.map((name) => toSql(columns.get(name)?.kind ?? 'string', row[name] ?? ''));
  const list = names.map((name) => `"${name}"`).join(', ');
  database.prepare(`INSERT INTO "${storage}" (${list}) VALUES (${places})`).run(...values);
}

function toSql(kind: ColumnKind, value: string): SqlValue {
  if (value === '') return null;
  if (kind === 'boolean') return value === 'true' ? 1 : 0;
  return isNumeric(kind) ? Number(value) : value;
}

function isNumeric(kind: ColumnKind): boolean {
  return ['integer', 'decimal', 'currency', 'boolean'].includes(kind);
}
