import { type BatchOutcome, sendBatch } from '../../servicenow/batch.ts';
import type { ServiceNowResponse } from '../../servicenow/call.ts';
import {
  type ImportAnswer,
  importRowRequest,
  insertMultiple,
  type RowResult,
  readImport,
  type StagingRow,
} from '../../servicenow/import-sets.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import { type Chunk, lineList, rowsOf } from '../encode/chunk.ts';
import { callContext, hidesMap, type ImportScope } from '../instance.ts';
import { type ImportPlan, ownKeyColumns } from '../plan/import-plan.ts';
import { isPassing, isRejected } from '../retry-later-error.ts';
import { typedColumns, withUnfitValues } from './altered-values.ts';
import { refusedLines, refusesImport, saysNothingOfRows, unsentLines } from './refusal.ts';
import { knownOutcome, type LineResult, worstOf } from './row-outcome.ts';

/** The result of one request. `lost`: not known; `refused`: not stored, and never will be as it is. */
export type Sent =
  | { readonly kind: 'stored'; readonly importSetId: string }
  | { readonly kind: 'lost' }
  | { readonly kind: 'refused'; readonly error: ServiceNowError };

const maxAttempts = 6;
const longestWaitMs = 30_000;

/**
 * Sends one body. Waits out throttling and short outages, since a refusal stored nothing.
 * @throws ServiceNowError when the instance is away for longer, or refuses the credentials: nothing was stored
 */
export async function sendChunk(
  scope: ImportScope,
  plan: ImportPlan,
  body: Uint8Array,
  runAfter: string | undefined,
): Promise<Sent> {
  for (let attempt = 1; ; attempt++) {
    try {
      const options = { stagingTable: plan.request.table, records: body, runAfter };
      const { importSetId } = await insertMultiple(scope.client, options, callContext(scope));
      return { kind: 'stored', importSetId };
    } catch (error) {
      if (!(error instanceof ServiceNowError)) throw error;
      if (error.effect === 'unknown') return { kind: 'lost' };
      if (isRejected(error)) throw error;
      if (!error.retryable) return { kind: 'refused', error };
      await waitOut(scope, error, attempt);
    }
  }
}

/** Waits before the next attempt. @throws the error itself when there is to be none */
async function waitOut(scope: ImportScope, error: ServiceNowError, attempt: number): Promise<void> {
  if (!mayWaitOut(scope, error, attempt)) throw error;
  await scope.clock.sleep(waitMs(error, attempt));
}

/** Whether another attempt after `attempt` is worth the wait in this invocation. */
function mayWaitOut(scope: ImportScope, error: ServiceNowError, attempt: number): boolean {
  const ms = waitMs(error, attempt);
  return attempt < maxAttempts && ms <= longestWaitMs && !scope.deadline.passed(ms * 2);
}

function waitMs(error: ServiceNowError, attempt: number): number {
  return error.retryAfterMs ?? Math.min(longestWaitMs, 250 * 2 ** attempt);
}

/** What the instance said of a chunk's rows. Lines that are in none of the lists were not sent, unless all were. */
export type SentRows = {
  readonly verdicts: readonly LineResult[];
  /** Lines whose answer was lost. */
  readonly lost: readonly number[];
  /** Why it takes no row of this import at all; lines that were not sent for that have their verdict. */
  readonly refused?: string;
  /** The instance went away before the rest was sent. */
  readonly away?: ServiceNowError;
};

/** A batch is cut off after 30 s; so many rows take a fraction of that. */
const rowsPerBatch = 50;

/** So many batches may run out of time before their first row. */
const maxUnserviced = 3;

type Row = { readonly line: number; readonly row: StagingRow };

/**
 * Sends each row of a chunk as a single-row import, many to a batch, where insertMultiple is not allowed or verdicts
 * are wanted at once. Rows the instance did not get to are sent again, lost ones are not. A row without a verdict that
 * is not lost was taken, and has to be looked up by its key.
 */
export async function sendRows(
  scope: ImportScope,
  plan: ImportPlan,
  chunk: Chunk,
  beforeBatch: (lines: readonly number[], soFar: SentRows) => Promise<void>,
): Promise<SentRows> {
  const lines = lineList(chunk.lines);
  const waiting = rowsOf(chunk.body).map((row, i): Row => ({ line: lines[i] ?? 0, row }));
  const verdicts: LineResult[] = [];
  const lost: number[] = [];
  // An instance turns rows of a batch away one by one: the order is kept only where none is sent beyond such a row.
  const { ordered } = plan.settings;
  let atOnce = ordered ? 1 : rowsPerBatch;
  let attempt = 1;
  const refuse = (refused: string): SentRows => {
    verdicts.push(...unsentLines(waiting.map(({ line }) => line)));
    return { verdicts, lost, refused };
  };
  while (waiting.length > 0 && !(ordered && lost.length > 0)) {
    const rows = waiting.splice(0, atOnce);
    await beforeBatch(
      rows.map(({ line }) => line),
      { verdicts, lost },
    );
    const sent = await sendOneBatch(scope, plan, rows);
    if (sent === 'lost') return { verdicts, lost: [...lost, ...rows.map(({ line }) => line)] };
    if (sent instanceof ServiceNowError && isPassing(sent)) return { verdicts, lost, away: sent };
    if (sent instanceof ServiceNowError && sent.isTooLarge && rows.length > 1) {
      waiting.unshift(...rows);
      atOnce = Math.ceil(rows.length / 2);
      continue;
    }
    if (sent instanceof ServiceNowError) {
      verdicts.push(
        ...refusedLines(
          sent,
          rows.map(({ line }) => line),
        ),
      );
      if (sent.isTooLarge) continue;
      return refuse(sent.message);
    }
    const again = rows.filter((_, i) => sent[i]?.kind === 'unserviced');
    const put = rows.filter((_, i) => isPutOff(sent[i]));
    const unseen = rows.filter((_, i) => isUnseen(sent[i]));
    waiting.unshift(...again, ...put, ...unseen);
    for (const [i, { line, row }] of rows.entries()) {
      if (isPutOff(sent[i]) || isUnseen(sent[i])) continue;
      const verdict = verdictOf(sent[i], line, plan, row);
      if (verdict === 'lost') lost.push(line);
      else if (verdict) verdicts.push(verdict);
    }
    const isStuck = again.length === rows.length && attempt >= maxUnserviced;
    const refused = isStuck ? 'a batch of rows ran out of time' : refusalOf(sent);
    if (refused !== undefined) return refuse(refused);
    const delay = longestDelay(sent);
    attempt = put.length + again.length === rows.length ? attempt + 1 : 1;
    if (delay && !mayWaitOut(scope, delay, attempt)) return { verdicts, lost, away: delay };
    if (delay) await waitOut(scope, delay, attempt);
  }
  return { verdicts, lost };
}

/** One outcome per row, or the error of a batch that was refused, or that found the instance away: then no row of it was stored. */
async function sendOneBatch(
  scope: ImportScope,
  plan: ImportPlan,
  rows: readonly Row[],
): Promise<readonly BatchOutcome[] | 'lost' | ServiceNowError> {
  const items = rows.map(({ row }) => importRowRequest({ stagingTable: plan.request.table, row }));
  for (let attempt = 1; ; attempt++) {
    try {
      return await sendBatch(scope.client, items, callContext(scope));
    } catch (error) {
      if (!(error instanceof ServiceNowError)) throw error;
      if (error.effect === 'unknown') return 'lost';
      if (!error.retryable || !mayWaitOut(scope, error, attempt)) return error;
      await waitOut(scope, error, attempt);
    }
  }
}

/** A row that was turned away for now (429, a full semaphore), while others of its batch were taken: nothing of it is stored. */
function isPutOff(outcome: BatchOutcome | undefined): outcome is Extract<BatchOutcome, { kind: 'failed' }> {
  return outcome?.kind === 'failed' && outcome.error.retryable && outcome.error.effect === 'none';
}

/** A row that was turned away before it was looked at, as with credentials that are not accepted. */
function isUnseen(outcome: BatchOutcome | undefined): boolean {
  return outcome?.kind === 'failed' && saysNothingOfRows(outcome.error) && outcome.error.effect === 'none';
}

/** Of the rows that were turned away: the error that asks for the longest wait. */
function longestDelay(sent: readonly BatchOutcome[]): ServiceNowError | undefined {
  const errors = sent.filter(isPutOff).map(({ error }) => error);
  return errors.toSorted((a, b) => (b.retryAfterMs ?? 0) - (a.retryAfterMs ?? 0))[0];
}

/** `lost` when it is not known whether the row was accepted; undefined when it was not serviced, or accepted and hidden. */
function verdictOf(
  outcome: BatchOutcome | undefined,
  line: number,
  plan: ImportPlan,
  row: StagingRow,
): LineResult | 'lost' | undefined {
  if (outcome?.kind === 'failed') {
    const { error } = outcome;
    if (hidesMap(error)) return hidden(line, plan);
    return error.effect === 'unknown' ? 'lost' : { line, outcome: 'error', message: error.message };
  }
  if (outcome?.kind !== 'answered') return undefined;
  if (outcome.response.body === undefined) return hidden(line, plan);
  const answer = answerIn(outcome.response, plan);
  if (!answer) return 'lost';
  const { results, importSet } = answer;
  const decisive = mostTelling(results);
  if (!decisive) return { line, outcome: 'unknown', message: 'no transform map took the row' };
  const { status, table, sys_id: sysId, error_message: error, status_message: comment } = decisive;
  const display = decisive['display_value'];
  return withUnfitValues(typedColumns(plan), row, {
    line,
    outcome: knownOutcome(status),
    targetTable: table ?? '',
    sysId: sysId ?? '',
    display: typeof display === 'string' ? display : '',
    key: ownKeyColumns(plan)
      .map((column) => row[column] ?? '')
      .join(' '),
    importSet,
    message:
      error || comment || (knownOutcome(status) === 'unknown' ? `its transform is still ${status}` : ''),
  });
}

/** A row that was accepted without its outcome (KB3047115): looked up by its key where it carries one. */
function hidden(line: number, plan: ImportPlan): LineResult | undefined {
  const message =
    'accepted, but its outcome is hidden; allow the user to read sys_transform_map and the table';
  return plan.keyColumn === undefined ? { line, outcome: 'unknown', message } : undefined;
}

/** undefined when the answer is none of the Import Set API's. */
function answerIn(response: ServiceNowResponse, plan: ImportPlan): ImportAnswer | undefined {
  try {
    return readImport(response, importRowRequest({ stagingTable: plan.request.table, row: {} }));
  } catch (error) {
    if (error instanceof ServiceNowError) return undefined;
    throw error;
  }
}

function mostTelling(results: readonly RowResult[]): RowResult | undefined {
  const worst = worstOf(results.map(({ status }) => knownOutcome(status)));
  return results.find(({ status }) => knownOutcome(status) === worst);
}

/**
 * Why the instance takes no row of this import: it refuses the user, the credentials or the table. What it refuses of one row (a data
 * policy, a business rule, a value) says nothing of the next one, however many there are.
 */
function refusalOf(outcomes: readonly BatchOutcome[]): string | undefined {
  // Where it has taken a row, it is an access rule that looks at the rows.
  if (outcomes.some(({ kind }) => kind === 'answered')) return undefined;
  for (const outcome of outcomes)
    if (outcome.kind === 'failed' && refusesImport(outcome.error)) return outcome.error.message;
  return undefined;
}
