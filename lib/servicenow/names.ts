import { InvalidInputError } from '../core/errors.ts';

/** The version segment of a path; without one the instance uses its newest (docs/servicenow-contract.md 10). */
export type ApiVersion = 'v1' | 'v2';

/** A kind of name: what it may consist of, and that rule in words, for error messages. */
type NameRule = { readonly pattern: RegExp; readonly rule: string };

/** `incident`, `u_my_table`, `x_scope_table`. */
export const tableName: NameRule = {
  pattern: /^[A-Za-z0-9_]{1,80}$/,
  rule: 'must be a table name: 1 to 80 letters, digits or underscores',
};

/**
 * Generated sys_ids are 32 hex digits, but rows that ServiceNow ships have others (`4`, `global`), so the rule is what can
 * stand in a path as one harmless segment.
 */
export const sysId: NameRule = {
  pattern: /^[A-Za-z0-9_-]{1,32}$/,
  rule: 'must be a sys_id: 32 hexadecimal digits (at most 32 letters, digits, - and _)',
};

/** True for what can be the name of a table. */
export function isTableName(name: string): boolean {
  return tableName.pattern.test(name);
}

/** @param field where the name came from, for the error @throws InvalidInputError */
export function checkTableName(name: string, field = 'tableName'): string {
  return check(tableName, name, field);
}

/** @param field where the sys_id came from, for the error @throws InvalidInputError */
export function checkSysId(id: string, field = 'sysId'): string {
  return check(sysId, id, field);
}

function check({ pattern, rule }: NameRule, name: string, field: string): string {
  if (pattern.test(name)) return name;
  throw new InvalidInputError(field, rule);
}
