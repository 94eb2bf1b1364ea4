import type { Exchange } from '../../http/exchange.ts';
import { noRecordFound } from '../../http/failure.ts';
import type { InstanceState } from '../../state.ts';

/**
 * Whether the caller may change or delete the record that the path names.
 * @throws Failure 404 when he may not even see it, 403 when he may see it and no more.
 */
export function requireRight(
  { user, segments }: Exchange,
  { auth: { access }, store }: InstanceState,
  table: string,
  operation: 'write' | 'delete',
): void {
  if (!access.restricts(user)) return;
  const row = store.find(table, segments[2] ?? '');
  if (!row || !access.may(user, 'read', table, row)) throw noRecordFound();
  access.require(user, operation, table, row);
}
