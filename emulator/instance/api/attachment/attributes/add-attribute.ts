import type { Answer, Exchange } from '../../../http/exchange.ts';
import { Failure } from '../../../http/failure.ts';
import { lazySchema } from '../../../lazy-schema.ts';
import type { InstanceState } from '../../../state.ts';
import { attachmentToChange } from '../access.ts';
import { readBody } from '../read-body.ts';
import { attributesOf, attributeTable, describeAttribute } from './attribute.ts';

const attribute = lazySchema((z) => z.object({ key: z.string().min(1), value: z.string() }));

/** POST /attachment/{sys_id}/attributes with `{"key","value"}`; a key that is there already is refused. */
export function addAttribute(exchange: Exchange, state: InstanceState): Answer {
  const { sys_id: attachment = '' } = attachmentToChange(exchange, state, 'write');
  const { key, value } = readBody(exchange, attribute());
  if (attributesOf(exchange, state).some((row) => row['key'] === key)) {
    throw new Failure(400, 'Attribute exists already', key);
  }
  const row = state.store.insert(attributeTable, { attachment, key, value }, exchange.user);
  return { status: 201, json: { result: describeAttribute(row) } };
}
