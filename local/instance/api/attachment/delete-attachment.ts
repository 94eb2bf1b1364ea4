import type { Answer, Exchange } from '../../http/exchange.ts';
import type { InstanceState } from '../../state.ts';
import { attachmentToChange } from './access.ts';

const parts = [
  ['sys_attachment_doc', 'sys_attachment'],
  ['sys_attachment_attribute', 'attachment'],
] as const;

/** DELETE /attachment/{sys_id}: the file, its bytes and its attributes. */
export function deleteAttachment(exchange: Exchange, state: InstanceState): Answer {
  const { store } = state;
  const { sys_id: sysId = '' } = attachmentToChange(exchange, state, 'delete');
  store.transaction(() => {
    for (const [table, column] of parts) {
      const rows = store.select(table, { where: `t0."${column}" = ?`, params: [sysId], columns: ['sys_id'] });
      for (const row of rows) store.remove(table, row['sys_id'] ?? '');
    }
    store.remove('sys_attachment', sysId);
  });
  return { status: 204 };
}
