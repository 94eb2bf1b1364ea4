import type * as z from 'zod';
import type { User } from '../http/exchange.ts';
import { Failure } from '../http/failure.ts';
import { lazySchema } from '../lazy-schema.ts';
import type { Row } from '../row.ts';
import type { Schema } from '../schema/schema.ts';

/** An access control rule as it is asked for. */
export const aclRuleSchema = lazySchema((z) =>
  z.strictObject({
    /** A table; the rule holds for the tables below it too, unless these have rules of their own. */
    table: z.string(),
    /** `rest` is the API-level ACL: without it no call on the table is let in at all. */
    operation: z.enum(['read', 'write', 'create', 'delete', 'rest']),
    /** Only this column, for `read` and `write`. */
    field: z.string().exactOptional(),
    /** Any of these roles; with an empty list only admin passes. Every user when left out. */
    roles: z.array(z.string()).exactOptional(),
    /** The rule passes only on rows that hold these values; `{user}` stands for the caller's sys_id. */
    where: z.record(z.string(), z.string()).exactOptional(),
  }),
);

export type AclRule = z.output<ReturnType<typeof aclRuleSchema>>;

const nothing: ReadonlySet<string> = new Set();

const verbs = { create: 'Insert', write: 'Update', delete: 'Delete' } as const;

/**
 * Who may do what with which rows and columns. An admin may do everything. For other users the rules of the table
 * decide, or those of the nearest table above it that has any for the operation; one that passes is enough. Where
 * there is no rule at all, users with any role may, and users without one may not.
 */
export class AccessControl {
  readonly #schema: Schema;
  readonly #hidden: ReadonlySet<string>;
  #rules: AclRule[] = [];

  /** @param hidden sys_ids of records that no user may read, as a before-query business rule hides them. */
  constructor(schema: Schema, hidden: ReadonlySet<string> = nothing) {
    this.#schema = schema;
    this.#hidden = hidden;
  }

  /** @throws z.ZodError when the rule is malformed, Error when it names a table or a column that there is not. */
  add(rule: AclRule): void {
    const { table, field, where = {} } = aclRuleSchema().parse(rule);
    if (!this.#schema.table(table)) throw new Error(`acls: there is no table ${table}`);
    for (const name of [...(field === undefined ? [] : [field]), ...Object.keys(where)])
      if (!this.#schema.column(table, name)) throw new Error(`acls: table ${table} has no column ${name}`);
    this.#rules.push(rule);
  }

  list(): readonly AclRule[] {
    return this.#rules;
  }

  clear(): void {
    this.#rules = [];
  }

  /** Whether any row or column can be closed to this user. */
  restricts(user: User): boolean {
    return isBound(user) || this.#hidden.size > 0;
  }

  /** Whether the user may do this with the row; without a row, whether he may with any. */
  may(user: User, operation: AclRule['operation'], table: string, row?: Row): boolean {
    if (operation === 'read' && this.#hidden.has(row?.['sys_id'] ?? '')) return false;
    if (!isBound(user)) return true;
    const rules = this.#rulesFor(operation, table, undefined);
    if (!rules) return user.roles.size > 0;
    return rules.some((rule) => passes(rule, user, row));
  }

  /** The rows that the user may read, in their order: a page becomes shorter, never longer. */
  readable(user: User, table: string, rows: Row[]): Row[] {
    return this.restricts(user) ? rows.filter((row) => this.may(user, 'read', table, row)) : rows;
  }

  /** Columns that the user may not read, or write, on any row. */
  closedFields(user: User, operation: 'read' | 'write', table: string): ReadonlySet<string> {
    if (!isBound(user)) return nothing;
    const named = this.#rules.flatMap((rule) => (rule.operation === operation && rule.field) || []);
    return new Set(
      named.filter((field) => {
        const rules = this.#rulesFor(operation, table, field);
        return rules !== undefined && !rules.some((rule) => passes(rule, user, undefined));
      }),
    );
  }

  /**
   * Whether a field, dot-walked or not, crosses a column that the user may not read; undefined when
   * nothing is closed to him.
   */
  closedPaths(user: User, table: string): ((path: string) => boolean) | undefined {
    if (!isBound(user) || !this.#rules.some((rule) => rule.field !== undefined)) return undefined;
    return (path) => {
      let at: string | undefined = table;
      for (const name of path.split('.')) {
        if (at === undefined) return false;
        if (this.closedFields(user, 'read', at).has(name)) return true;
        at = this.#schema.column(at, name)?.reference;
      }
      return false;
    };
  }

  /** @throws Failure 403 when one of these columns, which the caller selects or groups by, is closed to him. */
  requireReadable(user: User, table: string, fields: readonly string[]): void {
    const isClosed = this.closedPaths(user, table);
    if (!isClosed || !fields.some(isClosed)) return;
    throw new Failure(
      403,
      'Insufficient rights to query records',
      'Field(s) present in the query do not have permission to be read',
    );
  }

  /** @throws Failure 403 for a platform table that refuses lists to users who may not read it, as recorded. */
  requireList(user: User, table: string): void {
    if (!this.#schema.table(table)?.refusesLists || this.may(user, 'read', table)) return;
    throw new Failure(403, 'Insufficient rights to query records');
  }

  /** @throws Failure 403 when a rule for `rest` keeps the user out of every API on the table (KB2466644). */
  requireApi(user: User, table: string): void {
    const rules = isBound(user) ? this.#rulesFor('rest', table, undefined) : undefined;
    if (!rules || rules.some((rule) => passes(rule, user, undefined))) return;
    throw new Failure(403, 'User Not Authorized', 'Failed API level ACL Validation');
  }

  /** @throws Failure 403 `ACL Exception …` when the user may not do this with the row. */
  require(user: User, operation: 'create' | 'write' | 'delete', table: string, row?: Row): void {
    if (this.may(user, operation, table, row)) return;
    const detail = `ACL Exception ${verbs[operation]} Failed due to security constraints`;
    throw new Failure(403, 'Operation Failed', detail);
  }

  /** The rules nearest to the table, or undefined where there are none. */
  #rulesFor(
    operation: AclRule['operation'],
    table: string,
    field: string | undefined,
  ): AclRule[] | undefined {
    for (const { name } of this.#schema.ancestry(table)) {
      const rules = this.#rules.filter(
        (rule) => rule.table === name && rule.operation === operation && rule.field === field,
      );
      if (rules.length > 0) return rules;
    }
    return undefined;
  }
}

/** An admin passes every rule. */
const isBound = (user: User) => !user.roles.has('admin');

function passes(rule: AclRule, user: User, row: Row | undefined): boolean {
  if (rule.roles && !rule.roles.some((role) => user.roles.has(role))) return false;
  if (!rule.where || !row) return true;
  return Object.entries(rule.where).every(
    ([column, value]) => (row[column] ?? '') === (value === '{user}' ? user.sysId : value),
  );
}
