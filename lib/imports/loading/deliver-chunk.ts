import type { ImportScope } from '../import-scope.ts';
import type { ImportPlan } from '../plan.ts';
import type { LineResult } from '../results/results-csv.ts';
import type { Chunk } from './chunk.ts';
import type { SentChunk } from './ledger.ts';
import { sendChunk } from './send-chunk.ts';
import { sendRows } from './send-rows.ts';
import { type Settling, settleChunk, withoutLines } from './settle-chunk.ts';

export type Delivery = {
  readonly chunk: Chunk;
  /** False once the import has stopped. */
  readonly sending: boolean;
  /** Present when the chunk may have been sent before. */
  readonly settling: Settling | undefined;
  /** What the ledger knows of it already. */
  readonly before: SentChunk | undefined;
};

type Where = { readonly scope: ImportScope; readonly plan: ImportPlan };

/** Brings a chunk to the instance once, and says what became of it. */
export async function deliverChunk(where: Where, delivery: Delivery): Promise<SentChunk> {
  const { chunk, sending, settling, before } = delivery;
  const verdicts = before?.verdicts ?? [];
  const whole = { lines: [...chunk.lines], rows: chunk.rows, sets: [...(before?.sets ?? [])], verdicts };
  const open = verdicts.length === 0 ? chunk : withoutLines(chunk, new Set(verdicts.map(({ line }) => line)));
  if (open.rows === 0) return { ...whole, state: 'stored' };
  if (!sending && !settling) return { ...whole, state: 'not-sent' };
  const settled = settling ? await settleChunk(where.scope, where.plan, open, settling) : undefined;
  if (settled?.kind === 'unknown') return { ...whole, state: 'unknown' };
  if (settled) whole.sets.push(...settled.sets);
  if (settled?.kind === 'stored') return { ...whole, state: 'stored' };
  if (!sending) return { ...whole, state: 'not-sent' };
  return where.plan.settings.mode === 'rows'
    ? deliverRows(where, whole, settled?.chunk ?? open)
    : deliverBody(where, whole, settled?.chunk ?? open);
}

type Whole = Omit<SentChunk, 'state' | 'verdicts'> & { readonly verdicts: readonly LineResult[] };

async function deliverBody({ scope, plan }: Where, whole: Whole, chunk: Chunk): Promise<SentChunk> {
  const { verdicts: _, ...record } = whole;
  const sent = await sendChunk(scope, plan, chunk.body);
  if (sent.kind === 'lost') return { ...record, state: 'lost' };
  if (sent.kind === 'refused') return { ...record, state: 'refused', message: sent.message };
  return { ...record, sets: [...record.sets, sent.importSetId], state: 'stored' };
}

async function deliverRows({ scope, plan }: Where, whole: Whole, chunk: Chunk): Promise<SentChunk> {
  const sent = await sendRows(scope, plan, chunk);
  const record = { ...whole, verdicts: [...whole.verdicts, ...sent.verdicts] };
  if (sent.refused !== undefined) return { ...record, state: 'refused', message: sent.refused };
  return { ...record, state: sent.isComplete ? 'stored' : 'lost' };
}
