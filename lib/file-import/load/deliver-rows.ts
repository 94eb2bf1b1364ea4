import type { LineResult } from '../report/results-csv.ts';
import type { Chunk } from './chunk.ts';
import type { Delivered, Delivery, Where } from './delivery.ts';
import type { SentChunk } from './ledger.ts';
import { lineList, lineRuns } from './line-runs.ts';
import { type SentRows, sendRows } from './send-rows.ts';
import { filterLines, type Settling, settleChunk, withoutLines } from './settle-chunk.ts';

/** Brings the rows of a chunk that have no verdict yet to the instance, one import each. */
export async function deliverRows(where: Where, delivery: Delivery): Promise<Delivered> {
  const { chunk, sending, settling, before } = delivery;
  const verdicts = [...(before?.verdicts ?? [])];
  const open = withoutLines(chunk, new Set(verdicts.map(({ line }) => line)));
  const settled = settling ? await settleRows(where, open, settling, delivery.doubtful) : untouched;
  verdicts.push(...settled.unknown);
  const record = { lines: [...chunk.lines], rows: chunk.rows, sets: [...(before?.sets ?? [])], verdicts };
  const done = [...settled.stored, ...settled.unknown.map(({ line }) => line)];
  const rest = withoutLines(open, new Set(done));
  const found = { ...record, doubtful: lineRuns(settled.stored) };
  if (rest.rows === 0) return { record: { ...found, state: 'stored' } };
  if (!sending) return { record: { ...found, state: 'not-sent' } };
  return afterSending(record, settled.stored, await sendRows(where.scope, where.plan, rest));
}

function afterSending(
  before: Omit<SentChunk, 'state'> & { readonly verdicts: readonly LineResult[] },
  stored: readonly number[],
  { verdicts, lost, refused, away }: SentRows,
): Delivered {
  const record = {
    ...before,
    verdicts: [...before.verdicts, ...verdicts],
    doubtful: lineRuns([...stored, ...lost].sort((a, b) => a - b)),
  };
  if (refused !== undefined) return { record: { ...record, state: 'refused', message: refused } };
  if (lost.length > 0) return { record: { ...record, state: 'lost' }, ...(away && { failure: away }) };
  if (away) return { record: { ...record, state: 'interrupted' }, failure: away };
  return { record: { ...record, state: 'stored' } };
}

type SettledRows = {
  /** Lines that are there; their verdicts are looked up later. */
  readonly stored: readonly number[];
  /** Verdicts on the lines of which nobody can tell. */
  readonly unknown: readonly LineResult[];
};

const untouched: SettledRows = { stored: [], unknown: [] };

async function settleRows(
  { scope, plan }: Where,
  open: Chunk,
  settling: Settling,
  doubtful: readonly number[] | undefined,
): Promise<SettledRows> {
  const isDoubtful = new Set(doubtful ?? lineList(open.lines));
  const asked = filterLines(open, (line) => isDoubtful.has(line));
  if (asked.rows === 0) return untouched;
  const lines = lineList(asked.lines);
  const settled = await settleChunk(scope, plan, asked, settling);
  if (settled.kind === 'stored') return { stored: lines, unknown: [] };
  if (settled.kind === 'unknown') {
    const message = 'the answer to its request was lost and could not be settled';
    return { stored: [], unknown: lines.map((line) => ({ line, outcome: 'unknown', message })) };
  }
  const missing = new Set(lineList(settled.chunk.lines));
  return { stored: lines.filter((line) => !missing.has(line)), unknown: [] };
}
