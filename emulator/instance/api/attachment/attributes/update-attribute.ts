import type { Answer, Exchange } from '../../../http/exchange.ts';
import { lazySchema } from '../../../lazy-schema.ts';
import type { InstanceState } from '../../../state.ts';
import { attachmentToChange } from '../access.ts';
import { readBody } from '../read-body.ts';
import { attributeOf, attributeTable, describeAttribute } from './attribute.ts';

const change = lazySchema((z) => z.object({ value: z.string() }));

/** PUT /attachment/{sys_id}/attributes/{key} with `{"value"}` */
export function updateAttribute(exchange: Exchange, state: InstanceState): Answer {
  attachmentToChange(exchange, state, 'write');
  const row = attributeOf(exchange, state);
  const { value } = readBody(exchange, change());
  state.store.update(attributeTable, row['sys_id'] ?? '', { value }, exchange.user);
  return { status: 200, json: { result: describeAttribute({ ...row, value }) } };
}
