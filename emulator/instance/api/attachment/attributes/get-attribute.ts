import type { Answer, Exchange } from '../../../http/exchange.ts';
import type { InstanceState } from '../../../state.ts';
import { attributeOf, describeAttribute } from './attribute.ts';

/** GET /attachment/{sys_id}/attributes/{key} */
export function getAttribute(exchange: Exchange, state: InstanceState): Answer {
  return { status: 200, json: { result: describeAttribute(attributeOf(exchange, state)) } };
}
