import { allowsTable, type InstanceConfig } from '../core/config.ts';
import { ConnectorError, TableNotAllowedError } from '../core/errors.ts';
import type { CallContext, ServiceNowRequest } from '../servicenow/call.ts';
import type { ReferenceTargets } from './dictionary.ts';

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

/** What a request reads beyond its own table: a path of references from a table, or a table by its name. */
type Read =
  | {
      readonly kind: 'path';
      readonly from: string;
      readonly hops: readonly string[];
      readonly surely: boolean;
    }
  | { readonly kind: 'table'; readonly table: string };

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
  const reads = [
    ...readsOf(request.query ?? new URLSearchParams(), table.toLowerCase()),
    ...walksOfRecord(request, table.toLowerCase()),
  ];
  for (const read of reads) {
    if (read.kind === 'table') {
      if (!access.allows(read.table)) throw new DotWalkNotAllowedError(read.table, read.table);
      continue;
    }
    let from = read.from;
    for (const hop of read.hops) {
      const to = await targets.of(from, hop.toLowerCase(), context);
      if (to === undefined && !read.surely) break;
      if (to === undefined || !access.allows(to)) throw new DotWalkNotAllowedError(read.hops.join('.'), to);
      from = to;
    }
  }
}

/** A record's columns may walk references as well (`caller_id.email`); the labels of a staging table may hold dots. */
function walksOfRecord({ path, body }: ServiceNowRequest, table: string): readonly Read[] {
  const isRecord = typeof body === 'object' && body !== null && /^\/api\/now\/(?:v\d\/)?table\//.test(path);
  return isRecord ? Object.keys(body).flatMap((column) => pathIn(column, table)) : [];
}

const lists = /^sysparm_(?:fields|group_by|order_by|having|(?:avg|min|max|sum)_fields)$/;

function readsOf(query: URLSearchParams, table: string): readonly Read[] {
  return [...query].flatMap(([name, value]) => {
    if (name === 'sysparm_query') return readsOfQuery(value, table);
    if (name === 'sysparm_tiny') return [{ kind: 'table', table: 'sysparm_tiny' } as const];
    if (lists.test(name)) return value.split(/[,^]/).flatMap((item) => pathIn(item.trim(), table));
    return name.startsWith('sysparm_') ? [] : pathIn(name, table);
  });
}

const prefix = /^(?:ORDERBYDESC|ORDERBY|GROUPBYDESC|GROUPBY|NQ|EQ|OR)+/;
const sorts = /^\s*(?:NQ|EQ)*(?:ORDERBY|GROUPBY)/;
const comparedColumn = /(?:SAMEAS|_FIELD|MORETHAN|LESSTHAN)([A-Za-z0-9_.]+)/;

/** Clause by clause. A doubled caret is text to some instances and separates to others, so that it separates here. */
function readsOfQuery(query: string, table: string): readonly Read[] {
  const reads: Read[] = [];
  let from = table;
  const clauses = query.split(/\^+/).flatMap((one) => (sorts.test(one) ? one.split(',') : [one]));
  for (const clause of clauses) {
    const text = clause.trimStart().replace(prefix, '').trimStart();
    const [, relatedTable, relatedColumn = ''] = /^RLQUERY([A-Za-z0-9_]+)\.?(.*)/s.exec(text) ?? [];
    if (relatedTable !== undefined) {
      from = relatedTable.toLowerCase();
      reads.push({ kind: 'table', table: relatedTable }, ...pathIn(relatedColumn, from));
    } else if (text.startsWith('ENDRLQUERY')) {
      from = table;
      reads.push(...pathIn(text.slice('ENDRLQUERY'.length), from));
    } else if (/^JOIN/.test(text)) {
      const tables = text.matchAll(/(?:^JOIN|=|!)\s*([A-Za-z0-9_]+)\./g);
      for (const [, joined = ''] of tables) reads.push({ kind: 'table', table: joined });
    } else {
      reads.push(...subquery(text), ...pathIn(text, from));
      const compared = comparedColumn.exec(text)?.[1];
      if (compared) reads.push(...pathIn(compared, from));
    }
  }
  return reads;
}

/** `caller_idSUBQUERYsys_id,sys_user,active=true` */
function subquery(clause: string): readonly Read[] {
  const [, inner, condition = ''] = /SUBQUERY[^,]*,\s*([A-Za-z0-9_]+)(?:,(.*))?/s.exec(clause) ?? [];
  if (inner === undefined) return [];
  return [{ kind: 'table', table: inner }, ...readsOfQuery(condition, inner.toLowerCase())];
}

/** An operator after a column: from there on it is a value, whose dots walk nowhere. */
const operator =
  /^[a-z0-9_]+(?:NOT|LIKE|IN|STARTSWITH|ENDSWITH|CONTAINS|DOES|BETWEEN|N?SAMEAS|IS|EMPTY|ANYTHING|GT_|LT_|MORETHAN|LESSTHAN|RELATIVE|DATEPART|ON|DYNAMIC|VALCHANGES|CHANGES|MATCH|SUBQUERY)/;

/** The references that are walked at the start of a text, e.g. both of `caller_id.department.nameLIKEa.b`. */
function pathIn(text: string, from: string): readonly Read[] {
  const hops: string[] = [];
  let surely = true;
  for (const [, segment = ''] of text.matchAll(/([A-Za-z0-9_]+)\./gy)) {
    // `locatiON.name` may be a column in odd case, or `locati` `ON` a value that starts with a dot.
    const isAmbiguous = /(?:ON|IN)$/.test(segment) && segment !== segment.toUpperCase();
    if (operator.test(segment) && !isAmbiguous) break;
    surely &&= !isAmbiguous;
    hops.push(segment);
  }
  return hops.length === 0 ? [] : [{ kind: 'path', from, hops, surely }];
}
