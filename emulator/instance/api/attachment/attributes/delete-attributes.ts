import type { Answer, Exchange } from '../../../http/exchange.ts';
import type { InstanceState } from '../../../state.ts';
import type { Row } from '../../../store/row.ts';
import { attachmentToChange } from '../access.ts';
import { attributeOf, attributesOf, attributeTable } from './attribute.ts';

/** DELETE /attachment/{sys_id}/attributes */
export function deleteAttributes(exchange: Exchange, state: InstanceState): Answer {
  attachmentToChange(exchange, state, 'write');
  return remove(state, attributesOf(exchange, state));
}

/** DELETE /attachment/{sys_id}/attributes/{key} */
export function deleteAttribute(exchange: Exchange, state: InstanceState): Answer {
  attachmentToChange(exchange, state, 'write');
  return remove(state, [attributeOf(exchange, state)]);
}

function remove({ store }: InstanceState, rows: readonly Row[]): Answer {
  for (const row of rows) store.remove(attributeTable, row['sys_id'] ?? '');
  return { status: 204 };
}
