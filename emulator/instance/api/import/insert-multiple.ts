import { stringifyValue } from '../../fields/input.ts';
import type { Answer, Exchange } from '../../http/exchange.ts';
import { noSuchResource } from '../../http/failure.ts';
import type { Row } from '../../row.ts';
import type { Schema } from '../../schema/schema.ts';
import type { InstanceState } from '../../state.ts';
import type { Store } from '../../store/store.ts';
import { isListed } from '../../switches.ts';
import type { ImportSetMode, OpenSet } from '../../transform/open-set.ts';
import { isObject, readObject, stagingTableOf, unreadable } from './request.ts';

/** How insertMultiple treats one staging table: by its row in sys_rest_insert_multiple, else by default. */
export type InsertMultipleRules = {
  readonly mode: ImportSetMode;
  /** The staging column that a key of the body means; undefined when it means none, and is dropped. */
  columnOf(key: string): string | undefined;
};

/** Labels and asynchronous by default; the table's sys_rest_insert_multiple row can switch both. */
function rulesFor(store: Store, table: string): InsertMultipleRules {
  const row = store.select('sys_rest_insert_multiple', {
    where: 't0."source_table" = ?',
    params: [table],
    limit: 1,
  })[0];
  const mode = row?.['transformation'] === 'synchronous' ? 'synchronous' : 'asynchronous';
  const columns = keysOf(store.schema, table, row ?? {});
  return { mode, columnOf: (key) => columns.get(key) };
}

function keysOf(schema: Schema, table: string, row: Record<string, string>): Map<string, string> {
  const own = schema.columns(table).filter((column) => !column.name.startsWith('sys_'));
  if (row['use_data_source_format'] === 'true') {
    return new Map(
      own.flatMap(({ name, label }) => [
        [label, name],
        [name, name],
        [withoutPrefix(name), name],
      ]),
    );
  }
  if (row['column_mapping'] === 'column_name') return new Map(own.map(({ name }) => [name, name]));
  return new Map(own.map(({ name, label }) => [label, name]));
}

/** `u_first_name` is what a data source makes of a header `first_name`. */
function withoutPrefix(name: string): string {
  return name.replace(/^u_/, '');
}

/**
 * `POST /api/now/import/{stagingTable}/insertMultiple`: many rows in one set. The answer names the set and its group
 * and has no results for the rows, synchronous or not (docs/servicenow-contract.md 4.3).
 */
export function insertMultiple(exchange: Exchange, state: InstanceState): Answer {
  if (!state.switches.insertMultipleInstalled) throw noSuchResource();
  const table = stagingTableOf(exchange, state);
  state.auth.access.require(exchange.user, 'create', table);
  const records = readRecords(exchange.body);
  const rules = rulesFor(state.store, table);
  return state.store.transaction(() => {
    const group = groupOf(exchange, state);
    const runAfter = exchange.url.searchParams.get('run_after') ?? undefined;
    const set = state.imports.open(table, rules.mode, exchange.user, {
      multi_import_set: group,
      ...(runAfter !== undefined && { run_after: runAfter }),
    });
    const stored = exchange.storesRows?.(records.length);
    if (stored === undefined) load(set, records, rules, exchange, state, runAfter);
    else storePartially(set, records.slice(0, stored), rules, exchange, state);
    return { status: 201, json: { import_set_id: set.sysId, multi_import_set_id: group } };
  });
}

function load(
  set: OpenSet,
  records: readonly Record<string, unknown>[],
  rules: InsertMultipleRules,
  { user }: Exchange,
  state: InstanceState,
  runAfter: string | undefined,
): void {
  const { imports } = state;
  const rows = records.map((record) => toRow(record, rules));
  if (isListed(state.switches.sinkStagingTables, set.table)) {
    imports.sink(set, rows, user);
    return;
  }
  const ids = imports.append(set, rows, user);
  if (rules.mode === 'asynchronous') {
    imports.loaded(set, user, runAfter);
    return;
  }
  for (const sysId of ids) imports.transform(set, sysId, user);
  imports.finish(set);
}

/** A load that ended half-way: the set stays in state `loading`, its rows pending. */
function storePartially(
  set: OpenSet,
  records: readonly Record<string, unknown>[],
  rules: InsertMultipleRules,
  { user }: Exchange,
  { imports }: InstanceState,
): void {
  imports.append(
    set,
    records.map((record) => toRow(record, rules)),
    user,
  );
}

function readRecords(body: Buffer): Record<string, unknown>[] {
  const records = readObject(body)['records'];
  if (!Array.isArray(records)) throw unreadable('The payload has no array "records"');
  return records.filter(isObject);
}

function toRow(record: Record<string, unknown>, rules: InsertMultipleRules): Row {
  const row: Row = {};
  for (const key in record) {
    const column = rules.columnOf(key);
    if (column !== undefined) row[column] = stringifyValue(record[key]);
  }
  return row;
}

/** The group that the caller names, when there is one, else a new one. */
function groupOf(exchange: Exchange, { store }: InstanceState): string {
  const given = exchange.url.searchParams.get('multi_import_set_id');
  if (given !== null && store.find('sys_multi_import_set', given)) return given;
  return store.insert('sys_multi_import_set', {}, exchange.user)['sys_id'] ?? '';
}
