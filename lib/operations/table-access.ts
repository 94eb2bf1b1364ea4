import { allowsTable, type InstanceConfig } from '../core/config.ts';
import { ConnectorError, TableNotAllowedError } from '../core/errors.ts';
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

/** A request reads a table that is not on the deployment's list. */
export class DotWalkNotAllowedError extends ConnectorError {
  override readonly name: string = 'TableNotAllowedError';
  override readonly code = 'TABLE_NOT_ALLOWED';
  override readonly ownAnswer = { status: 403, title: 'Table not allowed' };

  /** @param table what it leads to; absent when that cannot be determined */
  constructor(path: string, table?: string) {
    const where = table
      ? `leads to the table ${table}, which this deployment does not serve`
      : 'leads to a table that cannot be determined (the integration user needs to read sys_dictionary and sys_db_object)';
    super(`${path.slice(0, 100)}: ${where}; add the table to allowedTables, or set dotWalkAnywhere`);
  }
}

/**
 * @param table the table that the request is about
 * @throws DotWalkNotAllowedError when the request reads another table than those that callers may use
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
    if (read.kind === 'unknown') throw new DotWalkNotAllowedError(read.text);
    if (read.kind === 'table') {
      if (!access.allows(read.table)) throw new DotWalkNotAllowedError(read.table, read.table);
      continue;
    }
    let isKnown = false;
    for (const from of read.from) isKnown = (await requirePath(read.hops, from)) || isKnown;
    if (read.surely && !isKnown) throw new DotWalkNotAllowedError(read.hops.join('.'));
  }

  /** @returns whether all of the path leads somewhere from this table @throws DotWalkNotAllowedError where it leads to another table */
  async function requirePath(hops: readonly string[], start: string): Promise<boolean> {
    let from = start;
    for (const hop of hops) {
      const to = await targets.of(from, hop.toLowerCase(), context);
      if (to === undefined) return false;
      if (!access.allows(to)) throw new DotWalkNotAllowedError(hops.join('.'), to);
      from = to;
    }
    return true;
  }
}

/** A record's columns may walk references as well (`caller_id.email`); the labels of a staging table may hold dots. */
function walksOfRecord({ path, body }: ServiceNowRequest, table: string): readonly Read[] {
  const isRecord = typeof body === 'object' && body !== null && /^\/api\/now\/(?:v\d\/)?table\//.test(path);
  return isRecord ? Object.keys(body).flatMap((column) => readsOfNames(column, table)) : [];
}
