import { ConfigurationError, InvalidInputError } from '../../core/errors.ts';
import type { CallContext, ServiceNowClient } from '../../servicenow/call.ts';
import { encodedQuery } from '../../servicenow/encoded-query.ts';
import { AccessDeniedError } from '../../servicenow/errors.ts';
import { listCounted, listRows } from '../instance.ts';
import type { ValueKind } from './import-plan.ts';

export type StagingColumn = {
  readonly name: string;
  readonly label: string;
  /** In characters; 0 when the dictionary names none. */
  readonly maxLength: number;
  /** Keeps something else than text. */
  readonly isTyped: boolean;
  /** What it keeps then. */
  readonly kind?: ValueKind;
};

/** What the instance says of a staging table. */
export type StagingTable = {
  readonly name: string;
  readonly columns: readonly StagingColumn[];
  /** What insertMultiple takes as keys there. */
  readonly keys: 'labels' | 'names';
};

/** Types of columns (`internal_type`) whose values come back in the instance's own form. */
const kinds: ReadonlyMap<string, ValueKind> = new Map([
  ['integer', 'integer'],
  ['longint', 'integer'],
  ['decimal', 'decimal'],
  ['float', 'decimal'],
  ['percent_complete', 'decimal'],
  ['boolean', 'boolean'],
  ['glide_date', 'date'],
  ['glide_date_time', 'date_time'],
  ['due_date', 'date_time'],
  ['currency', 'other'],
  ['currency2', 'other'],
  ['price', 'other'],
  ['reference', 'other'],
  ['document_id', 'other'],
  ['glide_time', 'other'],
  ['glide_duration', 'other'],
]);

function kindOf(type: string): Pick<StagingColumn, 'isTyped' | 'kind'> {
  const kind = kinds.get(type);
  return kind === undefined ? { isTyped: false } : { isTyped: true, kind };
}

const stagingParent = 'sys_import_set_row';
/** No table is extended deeper; a loop in the dictionary ends here. */
const maxDepth = 10;

/**
 * Reads a staging table's description.
 * @param keyStyle what insertMultiple takes, where that is known
 * @throws InvalidInputError when there is no such table or it is not a staging table
 * @throws ConfigurationError when the user may not read the descriptions, naming the role that is missing
 */
export async function describeStagingTable(
  client: ServiceNowClient,
  table: string,
  keyStyle: StagingTable['keys'] | undefined,
  context: CallContext,
): Promise<StagingTable> {
  const lineage = await stagingLineage(client, table, context);
  const [columns, keys] = await Promise.all([
    readColumns(client, table, lineage, context),
    keyStyle ?? readKeyStyle(client, table, context),
  ]);
  return { name: table, columns, keys };
}

/** The table and those between it and `sys_import_set_row`: all of them have columns that a file may fill. */
async function stagingLineage(
  client: ServiceNowClient,
  table: string,
  context: CallContext,
): Promise<string[]> {
  const lineage = [table];
  let name = table;
  for (let depth = 0; depth < maxDepth; depth++) {
    const parent = await readParent(client, name, context);
    if (parent === undefined && name === table)
      throw new InvalidInputError(
        'table',
        `${table} does not exist, or the user may not see it (role import_admin)`,
      );
    if (parent === stagingParent) return lineage;
    if (!parent) break;
    lineage.push(parent);
    name = parent;
  }
  throw new InvalidInputError(
    'table',
    `${table} is not a staging table: it does not extend ${stagingParent}`,
  );
}

/** Name of the table that is extended; '' for none; undefined when the table itself is not to be seen. */
async function readParent(
  client: ServiceNowClient,
  table: string,
  context: CallContext,
): Promise<string | undefined> {
  const fields = ['name', 'super_class.name'];
  const query = {
    table: 'sys_db_object',
    query: encodedQuery().where('name', '=', table).toString(),
    fields,
    limit: 1,
  };
  const [row] = await mayRead('sys_db_object', () => listRows(client, query, context));
  return row && (row['super_class.name'] ?? '');
}

async function readColumns(
  client: ServiceNowClient,
  table: string,
  lineage: readonly string[],
  context: CallContext,
): Promise<StagingColumn[]> {
  const fields = ['element', 'column_label', 'max_length', 'internal_type'];
  const query = {
    table: 'sys_dictionary',
    query: encodedQuery().oneOf('name', lineage).isNotEmpty('element').toString(),
    fields,
    limit: 10_000,
  };
  const rows = await mayRead('sys_dictionary', () => listRows(client, query, context));
  const columns = rows
    .filter((row) => !(row['element'] ?? '').startsWith('sys_'))
    .map((row) => ({
      name: row['element'] ?? '',
      label: row['column_label'] ?? '',
      maxLength: Number(row['max_length']) || 0,
      ...kindOf(row['internal_type'] ?? ''),
    }));
  if (columns.length > 0) return columns;
  throw new ConfigurationError(
    'user',
    `sees no columns of ${table} in sys_dictionary; give it a role that reads it (personalize_dictionary)`,
  );
}

/**
 * Labels unless a `sys_rest_insert_multiple` row of the table says otherwise. Where the user may not read such rows at
 * all, labels are the best guess; where there is one that he may not see, a guess would store empty rows.
 */
async function readKeyStyle(
  client: ServiceNowClient,
  table: string,
  context: CallContext,
): Promise<'labels' | 'names'> {
  const fields = ['column_mapping', 'use_data_source_format'];
  const query = {
    table: 'sys_rest_insert_multiple',
    query: encodedQuery().where('source_table', '=', table).toString(),
    fields,
    limit: 1,
  };
  try {
    const { rows, total } = await listCounted(client, query, context);
    const [row] = rows;
    if (!row && total > 0) throw hiddenKeyStyle(table);
    return row?.['column_mapping'] === 'column_name' || row?.['use_data_source_format'] === 'true'
      ? 'names'
      : 'labels';
  } catch (error) {
    if (error instanceof AccessDeniedError) return 'labels';
    throw error;
  }
}

function hiddenKeyStyle(table: string): ConfigurationError {
  return new ConfigurationError(
    'user',
    `may not see what sys_rest_insert_multiple says of ${table}; give it a role that reads it (import_admin), or set insertMultipleKeys to labels or names in _import.json`,
  );
}

async function mayRead<T>(table: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof AccessDeniedError)) throw cause;
    throw new ConfigurationError('user', `may not read ${table}; give it a role that does (import_admin)`, {
      cause,
    });
  }
}

/** What the active transform maps of a staging table do with its rows. */
export type TransformTargets = {
  readonly targetTables?: readonly string[];
  readonly coalesceColumns?: readonly string[];
};

/** Reads the transform maps of a staging table, for people; nothing where the user may not. */
export async function readTransformTargets(
  client: ServiceNowClient,
  table: string,
  context: CallContext,
): Promise<TransformTargets> {
  const maps = {
    table: 'sys_transform_map',
    query: encodedQuery().where('source_table', '=', table).where('active', '=', 'true').toString(),
    limit: 100,
  };
  try {
    const found = await listRows(client, { ...maps, fields: ['sys_id', 'target_table'] }, context);
    if (found.length === 0) return {};
    const ids = found.map((map) => map['sys_id'] ?? '');
    const query = encodedQuery().oneOf('map', ids).where('coalesce', '=', 'true').toString();
    const entries = { table: 'sys_transform_entry', query, fields: ['source_field'], limit: 100 };
    const columns = (await listRows(client, entries, context)).map((entry) => entry['source_field'] ?? '');
    return {
      targetTables: [...new Set(found.map((map) => map['target_table'] ?? ''))],
      coalesceColumns: [...new Set(columns.filter((column) => column !== ''))],
    };
  } catch (error) {
    if (error instanceof AccessDeniedError) return {};
    throw error;
  }
}
