import { InvalidInputError } from '../core/errors.ts';

/** The version segment of a path; absent means the newest (contract 10). */
export type ApiVersion = 'v1' | 'v2';

/**
 * Checks a table name: letters, digits and underscore, 80 at most.
 * @throws InvalidInputError for `tableName`
 */
export function checkTableName(table: string): string {
  if (/^[A-Za-z0-9_]{1,80}$/.test(table)) return table;
  throw new InvalidInputError('tableName', 'must be 1 to 80 letters, digits or underscores');
}

/**
 * Checks a sys_id. Generated ones are 32 hex digits, but shipped rows have others (`4`, `global`), so any short word is let through.
 * @throws InvalidInputError for `sysId`
 */
export function checkSysId(sysId: string): string {
  if (/^[A-Za-z0-9_-]{1,32}$/.test(sysId)) return sysId;
  throw new InvalidInputError('sysId', 'must be a sys_id: 32 hex digits');
}

/** `/api/now/table/{table}[/{sysId}]` */
export function tablePath(table: string, sysId?: string, version?: ApiVersion): string {
  return join(version, 'table', checkTableName(table), sysId === undefined ? undefined : checkSysId(sysId));
}

/** `/api/now/stats/{table}` */
export function statsPath(table: string, version?: ApiVersion): string {
  return join(version, 'stats', checkTableName(table));
}

/** `/api/now/import/{stagingTable}[/{sysId}]` */
export function importPath(stagingTable: string, sysId?: string, version?: ApiVersion): string {
  const last = sysId === undefined ? undefined : checkSysId(sysId);
  return join(version, 'import', checkTableName(stagingTable), last);
}

/** `/api/now/import/{stagingTable}/insertMultiple` */
export function insertMultiplePath(stagingTable: string, version?: ApiVersion): string {
  return join(version, 'import', checkTableName(stagingTable), 'insertMultiple');
}

/** `/api/now/attachment[/{sysId}[/file]]`, `/api/now/attachment/file` */
export function attachmentPath(sysId?: string, file = false): string {
  const id = sysId === undefined ? undefined : checkSysId(sysId);
  return join(undefined, 'attachment', id, file ? 'file' : undefined);
}

function join(version: ApiVersion | undefined, ...segments: (string | undefined)[]): string {
  return ['/api/now', version, ...segments].filter((segment) => segment !== undefined).join('/');
}
