import type { Answer, Exchange } from '../../http/exchange.ts';
import type { InstanceState } from '../../state.ts';
import { attachmentOf } from './access.ts';
import { metadataOf } from './metadata.ts';

/** GET /attachment/{sys_id}: what is known of one file. */
export function getMetadata(exchange: Exchange, state: InstanceState): Answer {
  return { status: 200, json: { result: metadataOf(exchange, attachmentOf(exchange, state)) } };
}
