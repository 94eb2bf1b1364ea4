import { deliverRows } from './deliver-rows.ts';
import type { Delivered, Delivery, Where } from './delivery.ts';
import type { SentChunk } from './ledger.ts';
import { sendChunk } from './send-chunk.ts';
import { settleChunk } from './settle-chunk.ts';

/** Brings a chunk to the instance once. @throws ServiceNowError when the instance is away: nothing of it was sent now */
export async function deliverChunk(where: Where, delivery: Delivery): Promise<Delivered> {
  if (where.plan.settings.mode === 'rows') return deliverRows(where, delivery);
  return { record: await deliverBody(where, delivery) };
}

async function deliverBody({ scope, plan }: Where, delivery: Delivery): Promise<SentChunk> {
  const { chunk, sending, settling, before, runAfter } = delivery;
  const record = { lines: [...chunk.lines], rows: chunk.rows };
  const sets = before?.sets ?? [];
  const settled = settling
    ? await settleChunk(scope, plan, chunk, settling)
    : ({ kind: 'send', chunk, sets: [] } as const);
  if (settled.kind === 'unknown') return { ...record, sets, state: 'unknown' };
  const known = [...new Set([...sets, ...settled.sets])];
  if (settled.kind === 'stored') return { ...record, sets: known, state: 'stored' };
  if (!sending) return { ...record, sets: known, state: 'not-sent' };
  const sent = await sendChunk(scope, plan, settled.chunk.body, runAfter);
  if (sent.kind === 'lost') return { ...record, sets: known, state: 'lost' };
  if (sent.kind === 'refused') return { ...record, sets: known, state: 'refused', message: sent.message };
  return { ...record, sets: [...known, sent.importSetId], state: 'stored' };
}
