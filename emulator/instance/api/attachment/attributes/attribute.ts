import type { Exchange } from '../../../http/exchange.ts';
import { noRecordFound } from '../../../http/failure.ts';
import type { InstanceState } from '../../../state.ts';
import type { Row } from '../../../store/row.ts';
import { attachmentOf } from '../access.ts';

export const attributeTable = 'sys_attachment_attribute';

/** What the API tells of an attribute. */
export function describeAttribute(row: Row): { key: string; value: string } {
  return { key: row['key'] ?? '', value: row['value'] ?? '' };
}

/**
 * The attributes of the attachment that the path names, in the order they were added.
 * @throws Failure 404 without the attachment.
 */
export function attributesOf(exchange: Exchange, state: InstanceState): Row[] {
  const { sys_id: sysId = '' } = attachmentOf(exchange, state);
  return state.store.select(attributeTable, {
    where: 't0."attachment" = ?',
    params: [sysId],
    orderBy: 't0.rowid',
  });
}

/**
 * The attribute that the path names.
 * @throws Failure 404 without it or the attachment.
 */
export function attributeOf(exchange: Exchange, state: InstanceState): Row {
  const found = attributesOf(exchange, state).find((row) => row['key'] === exchange.segments[3]);
  if (!found) throw noRecordFound();
  return found;
}
