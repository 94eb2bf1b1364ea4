import type { Answer, Exchange } from '../../http/exchange.ts';
import { lazySchema } from '../../lazy-schema.ts';
import type { InstanceState } from '../../state.ts';
import { attachmentToChange } from './access.ts';
import { readBody } from './read-body.ts';

const renaming = lazySchema((z) => z.object({ file_name: z.string().min(1) }));

/** PATCH /attachment/{sys_id} with `{"file_name"}`. */
export function renameAttachment(exchange: Exchange, state: InstanceState): Answer {
  const { sys_id: sysId = '' } = attachmentToChange(exchange, state, 'write');
  const { file_name: fileName } = readBody(exchange, renaming());
  state.store.update('sys_attachment', sysId, { file_name: fileName }, exchange.user);
  return { status: 204 };
}
