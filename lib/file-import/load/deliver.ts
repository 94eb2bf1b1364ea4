import type { ServiceNowError } from '../../servicenow/service-now-error.ts';
import { type Chunk, filterLines, lineList, lineRuns, withoutLines } from '../encode/chunk.ts';
import type { ImportScope } from '../instance.ts';
import type { ImportPlan } from '../plan/import-plan.ts';
import type { SentChunk } from './ledger.ts';
import { type Reconciliation, reconcileChunk } from './reconcile.ts';
import { refusedLines, refusesItsRows } from './refusal.ts';
import { type LineResult, lostAnswer } from './row-outcome.ts';
import { type SentRows, sendChunk, sendRows } from './send-chunk.ts';

/** A chunk on its way. */
export type Delivery = {
  readonly chunk: Chunk;
  /** False once the import has stopped. */
  readonly sending: boolean;
  /** Present when rows of the chunk may have been sent before. */
  readonly reconciliation: Reconciliation | undefined;
  /** Which lines those are; undefined where any may be. */
  readonly possiblySent: readonly number[] | undefined;
  /** What the ledger knows of it already. */
  readonly before: SentChunk | undefined;
  /** The import set after which this one is to be transformed. */
  readonly runAfter: string | undefined;
  /** In `rows` mode without row keys: notes the rows that are sent next, and the verdicts so far, where a death of the process leaves them. */
  readonly announce?: ((known: SentChunk) => Promise<void>) | undefined;
};

/** The result of a delivery. */
export type Delivered = {
  readonly record: SentChunk;
  /** Why the rest of it cannot be sent now. */
  readonly failure?: ServiceNowError;
};

/** Where it goes. */
export type Where = { readonly scope: ImportScope; readonly plan: ImportPlan };

/** Brings a chunk to the instance once. @throws ServiceNowError when the instance is away: nothing of it was sent now */
export async function deliverChunk(where: Where, delivery: Delivery): Promise<Delivered> {
  if (where.plan.settings.mode === 'rows') return deliverRows(where, delivery);
  return { record: await deliverBody(where, delivery) };
}

async function deliverBody({ scope, plan }: Where, delivery: Delivery): Promise<SentChunk> {
  const { chunk, sending, reconciliation, before, runAfter } = delivery;
  const open = withoutStored(chunk, before);
  const reconciled = reconciliation
    ? await reconcileChunk(scope, plan, open, reconciliation)
    : ({ kind: 'send', chunk: open, sets: [] } as const);
  const sets = [...new Set([...(before?.sets ?? []), ...('sets' in reconciled ? reconciled.sets : [])])];
  const setLines = { ...before?.setLines, ...('setLines' in reconciled ? reconciled.setLines : {}) };
  const isDivided = Object.keys(setLines).length > 0;
  const record = { lines: [...chunk.lines], rows: chunk.rows, sets, ...(isDivided ? { setLines } : {}) };
  if (reconciled.kind === 'unknown') return { ...record, state: 'unknown', message: lostAnswerText(plan) };
  if (reconciled.kind === 'stored') {
    const rest = isDivided ? linesOfSets(reconciled.sets, open) : {};
    return { ...record, ...(isDivided && { setLines: { ...setLines, ...rest } }), state: 'stored' };
  }
  if (!sending) return { ...record, state: 'not-sent' };
  const sent = await sendChunk(scope, plan, reconciled.chunk.body, runAfter);
  if (sent.kind === 'lost') return { ...record, state: 'lost' };
  if (sent.kind === 'refused') {
    const { error } = sent;
    const state = refusesItsRows(error) ? 'stored' : 'refused';
    const verdicts = refusedLines(error, lineList(reconciled.chunk.lines));
    return { ...record, verdicts, state, message: error.message };
  }
  const rest = isDivided ? linesOfSets([sent.importSetId], reconciled.chunk) : {};
  return {
    ...record,
    sets: [...sets, sent.importSetId],
    ...(isDivided && { setLines: { ...setLines, ...rest } }),
    state: 'stored',
  };
}

/** The rows of a chunk that no import set is known to hold. */
export function withoutStored(chunk: Chunk, before: SentChunk | undefined): Chunk {
  return withoutLines(chunk, new Set(Object.values(before?.setLines ?? {}).flatMap(lineList)));
}

function linesOfSets(sets: readonly string[], { lines }: Chunk): Record<string, number[]> {
  return Object.fromEntries(sets.map((set) => [set, [...lines]]));
}

/** Brings the rows of a chunk that have no verdict yet to the instance, one import each. */
async function deliverRows(where: Where, delivery: Delivery): Promise<Delivered> {
  const { chunk, sending, reconciliation, before } = delivery;
  const verdicts = [...(before?.verdicts ?? [])];
  const open = withoutLines(chunk, new Set(verdicts.map(({ line }) => line)));
  const reconciled = reconciliation
    ? await reconcileRows(where, open, reconciliation, delivery.possiblySent)
    : untouched;
  verdicts.push(...reconciled.unknown);
  const record = { lines: [...chunk.lines], rows: chunk.rows, sets: [...(before?.sets ?? [])], verdicts };
  const done = [...reconciled.stored, ...reconciled.unknown.map(({ line }) => line)];
  const rest = withoutLines(open, new Set(done));
  const found = { ...record, possiblySent: lineRuns(reconciled.stored) };
  if (rest.rows === 0) return { record: { ...found, state: 'stored' } };
  if (!sending) return { record: { ...found, state: 'not-sent' } };
  const beforeBatch = async (lines: readonly number[], { verdicts: said, lost }: SentRows) => {
    const possiblySent = lineRuns([...reconciled.stored, ...lost, ...lines].sort((a, b) => a - b));
    await delivery.announce?.({
      ...record,
      verdicts: [...verdicts, ...said],
      possiblySent,
      state: 'interrupted',
    });
  };
  return afterSending(record, reconciled.stored, await sendRows(where.scope, where.plan, rest, beforeBatch));
}

function afterSending(
  before: Omit<SentChunk, 'state'> & { readonly verdicts: readonly LineResult[] },
  stored: readonly number[],
  { verdicts, lost, refused, away }: SentRows,
): Delivered {
  const record = {
    ...before,
    verdicts: [...before.verdicts, ...verdicts],
    possiblySent: lineRuns([...stored, ...lost].sort((a, b) => a - b)),
  };
  if (refused !== undefined) return { record: { ...record, state: 'refused', message: refused } };
  if (lost.length > 0) return { record: { ...record, state: 'lost' }, ...(away && { failure: away }) };
  if (away) return { record: { ...record, state: 'interrupted' }, failure: away };
  return { record: { ...record, state: 'stored' } };
}

type ReconciledRows = {
  /** Lines that are there; their verdicts are looked up later. */
  readonly stored: readonly number[];
  /** Verdicts on lines that cannot be determined. */
  readonly unknown: readonly LineResult[];
};

const untouched: ReconciledRows = { stored: [], unknown: [] };

async function reconcileRows(
  { scope, plan }: Where,
  open: Chunk,
  reconciliation: Reconciliation,
  possiblySent: readonly number[] | undefined,
): Promise<ReconciledRows> {
  const isPossiblySent = new Set(possiblySent ?? lineList(open.lines));
  const asked = filterLines(open, (line) => isPossiblySent.has(line));
  if (asked.rows === 0) return untouched;
  const lines = lineList(asked.lines);
  const reconciled = await reconcileChunk(scope, plan, asked, reconciliation);
  if (reconciled.kind === 'stored') return { stored: lines, unknown: [] };
  if (reconciled.kind === 'unknown') {
    const message = lostAnswerText(plan);
    return { stored: [], unknown: lines.map((line) => ({ line, outcome: 'unknown', message })) };
  }
  const missing = new Set(lineList(reconciled.chunk.lines));
  return { stored: lines.filter((line) => !missing.has(line)), unknown: [] };
}

/** The message for rows that may have been sent; without keys, it adds that keys would have shown whether they were. */
function lostAnswerText({ keyColumn }: ImportPlan): string {
  return keyColumn === undefined ? `${lostAnswer}; with a keyColumn in _import.json it could be` : lostAnswer;
}
