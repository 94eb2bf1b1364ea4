import type { Answer, Exchange } from '../../http/exchange.ts';
import type { InstanceState } from '../../state.ts';
import { attachmentToChange } from './access.ts';

/** DELETE /attachment/{sys_id}: the file, its bytes and its attributes. */
export function deleteAttachment(exchange: Exchange, state: InstanceState): Answer {
  const { sys_id: sysId = '' } = attachmentToChange(exchange, state, 'delete');
  state.store.remove('sys_attachment', sysId);
  return { status: 204 };
}
