import { ConnectorError } from '../../core/errors.ts';
import { type Chunk, filterLines, type LineRuns, lineList, lineRuns, withoutLines } from '../encode/chunk.ts';
import type { ImportScope } from '../instance.ts';
import type { ImportPlan } from '../plan/import-plan.ts';
import type { SentChunk } from './ledger.ts';
import { type Reconciled, type Reconciliation, reconcileChunk } from './reconcile.ts';
import { refusedLines, refusesItsRows, unsentLines } from './refusal.ts';
import { type LineResult, lostAnswer } from './row-outcome.ts';
import { type SentRows, sendChunk, sendRows } from './send-chunk.ts';

/** A chunk on its way. */
export type Delivery = {
  readonly chunk: Chunk;
  /** Its place in the group. */
  readonly index: number;
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
  readonly failure?: unknown;
};

/** The instance that takes the rows, and the plan by which they become rows of its staging table. */
export type Destination = { readonly scope: ImportScope; readonly plan: ImportPlan };

/** Brings a chunk to the instance once. @throws ServiceNowError when the instance is away: nothing of it was sent now */
export async function deliverChunk(destination: Destination, delivery: Delivery): Promise<Delivered> {
  if (destination.plan.settings.mode === 'rows') return deliverRows(destination, delivery);
  return deliverBody(destination, delivery);
}

async function deliverBody(destination: Destination, delivery: Delivery): Promise<Delivered> {
  const { chunk, sending, before, runAfter } = delivery;
  const open = withoutStored(chunk, before);
  const reconciled = await reconcileBody(destination, delivery, open);
  const sets = [...new Set([...(before?.sets ?? []), ...('sets' in reconciled ? reconciled.sets : [])])];
  const setLines = { ...before?.setLines, ...('setLines' in reconciled ? reconciled.setLines : {}) };
  const isDivided = Object.keys(setLines).length > 0;
  const record = { lines: [...chunk.lines], rows: chunk.rows, sets, ...(isDivided ? { setLines } : {}) };
  if (reconciled.kind === 'unknown')
    return { record: { ...record, state: 'unknown', message: lostAnswerText(destination.plan) } };
  if (reconciled.kind === 'stored') {
    const rest = isDivided ? linesOfSets(reconciled.sets, open) : {};
    const found = { ...record, ...(isDivided && { setLines: { ...setLines, ...rest } }) };
    return { record: { ...found, state: 'stored' } };
  }
  if (!sending) return { record: { ...record, state: 'not-sent' } };
  return afterParts(destination.plan, record, await sendParts(destination, reconciled.chunk, runAfter));
}

/** Looks up the rows of a chunk that may have been sent; all others are left to be sent. */
async function reconcileBody(
  { scope, plan }: Destination,
  { index, reconciliation, possiblySent }: Delivery,
  open: Chunk,
): Promise<Reconciled> {
  if (!reconciliation) return { kind: 'send', chunk: open, sets: [] };
  const asked = onLines(open, possiblySent);
  const reconciled = await reconcileChunk(scope, plan, asked, index, reconciliation);
  if (asked.rows === open.rows || reconciled.kind === 'unknown') return reconciled;
  const missing = reconciled.kind === 'send' ? lineList(reconciled.chunk.lines) : [];
  const found = new Set(lineList(withoutLines(asked, new Set(missing)).lines));
  const setLines = reconciled.kind === 'stored' ? linesOfSets(reconciled.sets, asked) : reconciled.setLines;
  const { sets } = reconciled;
  return { kind: 'send', chunk: withoutLines(open, found), sets, ...(setLines && { setLines }) };
}

function afterParts(
  { keyColumn }: ImportPlan,
  before: Omit<SentChunk, 'state'>,
  { end, verdicts, sets }: SentParts,
): Delivered {
  const holdsAll = sets.length === 1 && verdicts.length === 0 && end.state === 'stored';
  const isDivided = before.setLines !== undefined || (sets.length > 0 && !holdsAll);
  const filled = Object.fromEntries(sets.map(({ set, lines }) => [set, [...lines]]));
  const { possiblySent: lost = [] } = end;
  // Rows with keys are all looked up by them.
  const isPart = keyColumn === undefined && lost.length > 0 && lineList(lost).length < before.rows;
  const record: SentChunk = {
    ...before,
    sets: [...before.sets, ...sets.map(({ set }) => set)],
    ...(verdicts.length > 0 && { verdicts: [...verdicts] }),
    ...(isDivided && { setLines: { ...before.setLines, ...filled } }),
    ...(isPart && { possiblySent: [...lost] }),
    state: end.state,
    ...(end.message !== undefined && { message: end.message }),
  };
  return { record, ...(end.failure !== undefined && { failure: end.failure }) };
}

/** The outcome of the parts that a chunk was sent in. */
type SentParts = {
  readonly sets: readonly { readonly set: string; readonly lines: LineRuns }[];
  /** Verdicts on the lines that were refused. */
  readonly verdicts: readonly LineResult[];
  /** How the last part ended; nothing was sent after one that was lost or refused for good. */
  readonly end: Pick<SentChunk, 'message'> & {
    readonly state: 'stored' | 'lost' | 'refused' | 'interrupted';
    /** Lines of the part that was lost. */
    readonly possiblySent?: LineRuns;
    readonly failure?: unknown;
  };
};

/**
 * Sends a chunk, in halves where it is too large for one request.
 * @throws ServiceNowError when the instance is away and nothing of the chunk was sent
 */
async function sendParts(
  destination: Destination,
  chunk: Chunk,
  runAfter: string | undefined,
): Promise<SentParts> {
  const sent = await sendChunk(destination.scope, destination.plan, chunk.body, runAfter);
  if (sent.kind === 'lost')
    return { sets: [], verdicts: [], end: { state: 'lost', possiblySent: chunk.lines } };
  if (sent.kind === 'stored')
    return {
      sets: [{ set: sent.importSetId, lines: chunk.lines }],
      verdicts: [],
      end: { state: 'stored' },
    };
  const { error } = sent;
  if (error.isTooLarge && chunk.rows > 1) return sendHalves(destination, chunk, runAfter);
  const state = error.isTooLarge || refusesItsRows(error) ? 'stored' : 'refused';
  const verdicts = refusedLines(error, lineList(chunk.lines));
  return { sets: [], verdicts, end: { state, message: error.message } };
}

async function sendHalves(
  destination: Destination,
  chunk: Chunk,
  runAfter: string | undefined,
): Promise<SentParts> {
  const lines = lineList(chunk.lines);
  const firstLines = new Set(lines.slice(0, Math.ceil(lines.length / 2)));
  const first = await sendParts(
    destination,
    filterLines(chunk, (line) => firstLines.has(line)),
    runAfter,
  );
  const rest = withoutLines(chunk, firstLines);
  if (first.end.state === 'refused')
    return { ...first, verdicts: [...first.verdicts, ...unsentLines(lineList(rest.lines))] };
  if (first.end.state !== 'stored') return first;
  const second = await sendParts(destination, rest, first.sets.at(-1)?.set ?? runAfter).catch(
    (error: unknown) => awayAfter(first, rest.lines, error),
  );
  return {
    sets: [...first.sets, ...second.sets],
    verdicts: [...first.verdicts, ...second.verdicts],
    end: second.end,
  };
}

/**
 * The second half of a chunk was not sent, or may have been: our own errors say that it was not.
 * @throws the error itself where nothing was sent before either
 */
function awayAfter({ sets, verdicts }: SentParts, rest: LineRuns, failure: unknown): SentParts {
  if (sets.length === 0 && verdicts.length === 0) throw failure;
  if (failure instanceof ConnectorError)
    return { sets: [], verdicts: [], end: { state: 'interrupted', failure } };
  return { sets: [], verdicts: [], end: { state: 'lost', possiblySent: rest, failure } };
}

/** The rows of a chunk on some of its lines; all where `lines` is undefined. */
export function onLines(chunk: Chunk, lines: readonly number[] | undefined): Chunk {
  if (lines === undefined) return chunk;
  const some = new Set(lines);
  return filterLines(chunk, (line) => some.has(line));
}

/** The rows of a chunk that no import set is known to hold. */
export function withoutStored(chunk: Chunk, before: SentChunk | undefined): Chunk {
  return withoutLines(chunk, new Set(Object.values(before?.setLines ?? {}).flatMap(lineList)));
}

function linesOfSets(sets: readonly string[], { lines }: Chunk): Record<string, number[]> {
  return Object.fromEntries(sets.map((set) => [set, [...lines]]));
}

/** Brings the rows of a chunk that have no verdict yet to the instance, one import each. */
async function deliverRows(destination: Destination, delivery: Delivery): Promise<Delivered> {
  const { chunk, sending, reconciliation, before } = delivery;
  const verdicts = [...(before?.verdicts ?? [])];
  const open = withoutLines(chunk, new Set(verdicts.map(({ line }) => line)));
  const reconciled = reconciliation
    ? await reconcileRows(destination, open, reconciliation, delivery)
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
  return afterSending(
    record,
    reconciled.stored,
    await sendRows(destination.scope, destination.plan, rest, beforeBatch),
  );
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
  { scope, plan }: Destination,
  open: Chunk,
  reconciliation: Reconciliation,
  { index, possiblySent }: Delivery,
): Promise<ReconciledRows> {
  const asked = onLines(open, possiblySent);
  if (asked.rows === 0) return untouched;
  const lines = lineList(asked.lines);
  const reconciled = await reconcileChunk(scope, plan, asked, index, reconciliation);
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
