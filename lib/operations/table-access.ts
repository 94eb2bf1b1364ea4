import { allowsTable, type InstanceConfig } from '../core/config.ts';
import { TableNotAllowedError } from '../core/errors.ts';
import type { CallContext, ServiceNowRequest } from '../servicenow/call.ts';
import type { ReferenceTargets } from './dictionary.ts';
import { type Read, readsOfNames, readsOfParameters } from './query-reads.ts';

/** Which tables of an instance callers may use. */
export type TableAccess = {
  /** Lower case, or `all`. */
  readonly tables: readonly string[] | 'all';
  /** True when fields and queries may not lead into tables that are not on the list. */
  readonly isBounded: boolean;
  allows(table: string): boolean;
  /** @throws TableNotAllowedError */
  require(table: string): void;
};

/** The access that `allowedTables` and `dotWalkAnywhere` grant. */
export function tableAccess(instance: InstanceConfig, dotWalkAnywhere: boolean): TableAccess {
  const allows = (table: string) => allowsTable(instance, table);
  const tables = instance.allowedTables.includes('*') ? 'all' : instance.allowedTables;
  return {
    tables,
    isBounded: tables !== 'all' && !dotWalkAnywhere,
    allows,
    require(table) {
      if (!allows(table)) throw new TableNotAllowedError(table);
    },
  };
}

/**
 * `allowedTables` bounds reads too: a field, condition or group may walk a reference (`caller_id.name`) or name another table
 * (related lists, joins, subqueries) only into tables that are on the list.
 */

/** @param reason why the path may lead to a table that callers may not use; what to do follows */
export function pathNotAllowed(path: string, reason: string): TableNotAllowedError {
  return new TableNotAllowedError(path, `${path.slice(0, 100)}: ${reason}, or set dotWalkAnywhere`);
}

function notServed(path: string, table: string): TableNotAllowedError {
  const reason = `leads to the table ${table}, which this deployment does not serve; add the table to allowedTables`;
  return pathNotAllowed(path, reason);
}

function undetermined(path: string): TableNotAllowedError {
  const reason =
    'leads to a table that cannot be determined (the integration user needs to read sys_dictionary and sys_db_object); add the table to allowedTables';
  return pathNotAllowed(path, reason);
}

/**
 * @param table the table that the request is about
 * @throws TableNotAllowedError when the request reads another table than those that callers may use
 */
export async function requireAllowedReads(
  request: ServiceNowRequest,
  table: string,
  access: TableAccess,
  targets: ReferenceTargets,
  context: CallContext,
): Promise<void> {
  const own = table.toLowerCase();
  const reads = [
    ...readsOfParameters(request.query ?? new URLSearchParams(), own),
    ...walksOfRecord(request, own),
  ];
  for (const read of reads) {
    if (read.kind === 'unknown') throw undetermined(read.text);
    if (read.kind === 'table') {
      if (!access.allows(read.table)) throw notServed(read.table, read.table);
      continue;
    }
    const ends = [];
    for (const from of read.from) ends.push(await endOf(read.hops, from));
    if (read.surely === false || ends.includes('column')) continue;
    const path = read.hops.join('.');
    if (ends.includes('unknown')) throw undetermined(path);
    if (read.surely === true)
      throw pathNotAllowed(path, `is no reference of ${read.from.join(' or ')}; name its columns`);
  }

  /**
   * Whether a path leads to a column from this table, to none, or to what cannot be determined.
   * @throws TableNotAllowedError where it leads to a table that callers may not use
   */
  async function endOf(hops: readonly string[], start: string): Promise<'column' | 'none' | 'unknown'> {
    let from = start;
    for (const [index, name] of hops.entries()) {
      const hop = name.toLowerCase();
      const reference = await targets.of(from, hop, context);
      if (reference === undefined && !(await targets.knows(from, context))) return 'unknown';
      // The answers to the questions of a catalog item belong to the record; what they refer to is in none of its columns.
      if (reference === undefined && hop === 'variables' && index === hops.length - 1) return 'column';
      const to = reference ?? /^ref_(\w+)$/.exec(hop)?.[1];
      if (to === undefined) return 'none';
      if (!access.allows(to)) throw notServed(hops.join('.'), to);
      from = to;
    }
    return 'column';
  }
}

/** A record's columns may walk references as well (`caller_id.email`); the labels of a staging table may hold dots. */
function walksOfRecord({ path, body }: ServiceNowRequest, table: string): readonly Read[] {
  const isRecord = typeof body === 'object' && body !== null && /^\/api\/now\/(?:v\d\/)?table\//.test(path);
  return isRecord ? Object.keys(body).flatMap((column) => readsOfNames(column, table)) : [];
}
