import type { Answer, Exchange } from '../../../http/exchange.ts';
import type { InstanceState } from '../../../state.ts';
import { attributesOf, describeAttribute } from './attribute.ts';

/** GET /attachment/{sys_id}/attributes */
export function listAttributes(exchange: Exchange, state: InstanceState): Answer {
  return { status: 200, json: { result: attributesOf(exchange, state).map(describeAttribute) } };
}
