import type { Exchange, User } from '../../http/exchange.ts';
import { noRecordFound } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';
import type { Row } from '../../store/row.ts';

/** An attachment is seen by whoever may read attachments and the record that it is on. */
export function maySee(user: User, { auth: { access }, store, schema }: InstanceState, row: Row): boolean {
  if (!access.restricts(user)) return true;
  if (!access.may(user, 'read', 'sys_attachment', row)) return false;
  const table = row['table_name'] ?? '';
  const owner = schema.table(table) ? store.find(table, row['table_sys_id'] ?? '') : undefined;
  return owner === undefined || access.may(user, 'read', table, owner);
}

/**
 * The attachment that the path names.
 * @throws Failure 404 when there is none, or the caller may not see it.
 */
export function attachmentOf({ segments, user }: Exchange, state: InstanceState): Row {
  const row = state.store.find('sys_attachment', segments[1] ?? '');
  if (!row || !maySee(user, state, row)) throw noRecordFound();
  return row;
}

/**
 * The attachment that the path names, for a caller who wants to change or delete it.
 * @throws Failure 404 when he may not see it, 403 when he may see it and no more.
 */
export function attachmentToChange(
  exchange: Exchange,
  state: InstanceState,
  operation: 'write' | 'delete',
): Row {
  const row = attachmentOf(exchange, state);
  state.auth.access.require(exchange.user, operation, 'sys_attachment', row);
  return row;
}

/**
 * Holds the caller to the records that he may attach something to.
 * @throws Failure 404 without the record or the right to see it, 403 without the right to write to it.
 */
export function requireOwner({ user }: Exchange, state: InstanceState, table: string, sysId: string): void {
  const { access } = state.auth;
  const owner = state.schema.table(table) ? state.store.find(table, sysId) : undefined;
  if (!owner || !access.may(user, 'read', table, owner)) throw noRecordFound();
  access.require(user, 'write', table, owner);
  access.require(user, 'create', 'sys_attachment');
}
