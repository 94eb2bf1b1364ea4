import { createHash } from 'node:crypto';

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
