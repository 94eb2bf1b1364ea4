import { createHash } from 'node:crypto';

/** By what a record that is created once is known on the instance. */
export type Identity =
  | { readonly kind: 'sys_id'; readonly sysId: string }
  /** For tables that refuse a given sys_id: looked up before it is written, which two at the same moment can slip through. */
  | { readonly kind: 'correlation_id'; readonly correlationId: string };

/** How the records of a deployment are known, by their table and key. */
export type IdentityOf = (table: string, key: string) => Identity;

/** @param correlationIdTables tables that refuse a given sys_id, lower case; `*` means all */
export function identityBy(correlationIdTables: readonly string[]): IdentityOf {
  const refusesSysId = (table: string) =>
    correlationIdTables.includes('*') || correlationIdTables.includes(table.toLowerCase());
  return (table, key) =>
    refusesSysId(table)
      ? { kind: 'correlation_id', correlationId: correlationIdOf(table, key) }
      : { kind: 'sys_id', sysId: deriveSysId(table, key) };
}

/** The key itself where the column holds it (100 characters), so that people recognise it; else what is derived from it. */
function correlationIdOf(table: string, key: string): string {
  return /^[\w.:/@-]{1,100}$/.test(key) ? key : deriveSysId(table, key);
}

/**
 * The sys_id of a record that is to be created once: the same for the same table and key, wherever and whenever it is
 * derived. ServiceNow honours a caller's sys_id and refuses a second one (contract 1.6), so the instance's own primary
 * key is the ledger.
 * @returns 32 lower-case hex digits
 */
export function deriveSysId(table: string, key: string): string {
  return digest('create', table, key);
}

/** The sys_id under which racing upserts of the same match meet. */
export function deriveUpsertSysId(table: string, match: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(match).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return digest('upsert', table, JSON.stringify(pairs));
}

/** Never to change: it is part of the identity of every record that was ever created. */
const namespace = 'servicenow-functions/1';

function digest(purpose: string, table: string, key: string): string {
  const hash = createHash('sha256').update(JSON.stringify([namespace, purpose, table.toLowerCase(), key]));
  return hash.digest('hex').slice(0, 32);
}
