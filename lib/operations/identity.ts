import { createHash } from 'node:crypto';

/** How a record that is created once is known on the instance. */
export type Identity =
  | { readonly kind: 'sys_id'; readonly sysId: string }
  /** For tables that refuse a given sys_id: looked up before it is written. */
  | { readonly kind: 'correlation_id'; readonly correlationId: string };

/** How the records of a deployment are known, by their table and key. */
export type IdentityOf = (table: string, key: string) => Identity;

/**
 * @param deployment service and stage: the keys of two deployments on one instance are different keys
 * @param correlationIdTables tables that refuse a given sys_id, lower case; `*` means all
 */
export function identityBy(deployment: string, correlationIdTables: readonly string[]): IdentityOf {
  const refusesSysId = (table: string) =>
    correlationIdTables.includes('*') || correlationIdTables.includes(table.toLowerCase());
  return (table, key) =>
    refusesSysId(table)
      ? { kind: 'correlation_id', correlationId: correlationIdOf(deployment, table, key) }
      : { kind: 'sys_id', sysId: deriveSysId(deployment, table, key) };
}

/**
 * Deployment, table and key if the column holds them (100 characters), so that people recognise them; else a digest of them. The
 * same key of another deployment or table is another key.
 */
export function correlationIdOf(deployment: string, table: string, key: string): string {
  const name = `${deployment}/${table.toLowerCase()}:${key}`;
  return /^[\w.:/@-]{1,100}$/.test(name) ? name : deriveSysId(deployment, table, key);
}

/**
 * The sys_id of a record that is to be created once: always the same for one deployment, table and key. ServiceNow accepts the
 * sys_id of its caller and refuses a second record with it (docs/servicenow-contract.md 1.6), so that its primary key
 * prevents doubles.
 * @returns 32 lower-case hex digits
 */
export function deriveSysId(deployment: string, table: string, key: string): string {
  return digest(deployment, 'create', table, key);
}

/**
 * The sys_id under which racing upserts of the same match meet. Matches that an instance treats as equal (case, outer blanks,
 * accents, `1` and `true`) give the same one; unequal matches may give the same one too, so a caller that
 * finds the sys_id taken must check whether the record matches.
 * @param number 0, and one more for each record of this match that no longer matches
 * @returns 32 lower-case hex digits
 */
export function deriveUpsertSysId(
  deployment: string,
  table: string,
  match: Readonly<Record<string, string>>,
  number: number,
): string {
  const pairs = Object.entries(match)
    .map(([column, value]) => [column, foldText(value)] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return digest(deployment, 'upsert', table, JSON.stringify([pairs, number]));
}

/**
 * Where the writers of one correlation_id meet in a table whose sys_ids the instance chooses: the ledger lets one of them make a
 * record at a time. A ledger is about one deployment and instance. An instance compares values of the column without regard to case.
 * @returns in the form of a sys_id, which no record has
 */
export function deriveCorrelationMeeting(table: string, correlationId: string): string {
  return digest('', 'correlation', table, foldText(correlationId));
}

/**
 * The sys_id of the n-th record of a thing that breaks, recovers and breaks again.
 * @param episode 1, and one more for each record before it
 * @returns 32 lower-case hex digits
 */
export function deriveEpisodeSysId(
  deployment: string,
  table: string,
  { source, key }: { readonly source: string; readonly key: string },
  episode: number,
): string {
  return digest(deployment, 'episode', table, JSON.stringify([source, key, episode]));
}

const booleans: ReadonlyMap<string, string> = new Map([
  ['true', '1'],
  ['false', '0'],
]);

/** A text without what the collation of an instance ignores; a sigma has two forms in lower case. */
function foldText(text: string): string {
  const folded = text.normalize('NFKD').replaceAll(/\p{M}/gu, '').trim().toLowerCase().replaceAll('ς', 'σ');
  return booleans.get(folded) ?? folded;
}

/** Never to change: it is part of the identity of every record that was ever created. */
const namespace = 'servicenow-functions/2';

function digest(deployment: string, purpose: string, table: string, key: string): string {
  const parts = [namespace, deployment, purpose, table.toLowerCase(), key];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
