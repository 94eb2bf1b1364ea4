import type { Exchange } from '../../http/exchange.ts';
import { noRecordFound } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';

/**
 * Whether the caller may change or delete the record that the path names.
 * @throws Failure 404 when the caller may not read it (a switch lets writes pass), 403 when the caller may only read it.
 */
export function requireRight(
  { user, segments }: Exchange,
  { auth: { access }, store, switches }: InstanceState,
  table: string,
  operation: 'write' | 'delete',
): void {
  if (!access.restricts(user)) return;
  const row = store.find(table, segments[2] ?? '');
  const isReached = row && (switches.writesReachHiddenRecords || access.may(user, 'read', table, row));
  if (!isReached) throw noRecordFound();
  access.require(user, operation, table, row);
}
