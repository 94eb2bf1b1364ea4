import { type BatchOutcome, sendBatch } from '../../servicenow/batch.ts';
import { ServiceNowError } from '../../servicenow/errors/servicenow-error.ts';
import { type RowResult, readImport, type StagingRow } from '../../servicenow/import-set.ts';
import type { ServiceNowRequest } from '../../servicenow/request.ts';
import { importPath } from '../../servicenow/url.ts';
import { callContext, type ImportScope } from '../import-scope.ts';
import type { ImportPlan } from '../plan.ts';
import type { LineResult } from '../results/results-csv.ts';
import type { Outcome } from '../results/tally.ts';
import type { Chunk } from './chunk.ts';
import { lineList } from './line-runs.ts';
import { waitOut } from './send-chunk.ts';
import { rowsOf } from './settle-by-sets.ts';

/** What the instance said of a chunk's rows. */
export type SentRows = {
  readonly verdicts: readonly LineResult[];
  /** False when the answer to some row was lost. */
  readonly isComplete: boolean;
  /** Why it takes no row at all. */
  readonly refused?: string;
};

/** A batch is cut off after 30 s; so many rows take a fraction of that. */
const rowsPerBatch = 50;

type Row = { readonly line: number; readonly row: StagingRow };

/**
 * Sends each row of a chunk as a single-row import, many to a batch, where insertMultiple is not allowed or verdicts
 * are wanted at once. Rows the instance did not get to are sent again, lost ones are not.
 * @throws ServiceNowError when the instance is away for longer: the rows without a verdict were not stored
 */
export async function sendRows(scope: ImportScope, plan: ImportPlan, chunk: Chunk): Promise<SentRows> {
  const lines = lineList(chunk.lines);
  const waiting = rowsOf(chunk.body).map((row, i): Row => ({ line: lines[i] ?? 0, row }));
  const verdicts: LineResult[] = [];
  let isComplete = true;
  while (waiting.length > 0) {
    const rows = waiting.splice(0, rowsPerBatch);
    const outcomes = await sendOneBatch(scope, plan, rows);
    if (outcomes === 'lost') return { verdicts, isComplete: false };
    const again = rows.filter((_, i) => outcomes[i]?.kind === 'unserviced');
    if (again.length === rows.length)
      return { verdicts, isComplete, refused: 'a batch of rows ran out of time' };
    waiting.unshift(...again);
    for (const [i, { line }] of rows.entries()) {
      const verdict = verdictOf(outcomes[i], line, plan);
      if (verdict) verdicts.push(verdict);
      else if (outcomes[i]?.kind === 'failed') isComplete = false;
    }
    const refused = refusalOf(outcomes);
    if (refused !== undefined) return { verdicts, isComplete, refused };
  }
  return { verdicts, isComplete };
}

async function sendOneBatch(
  scope: ImportScope,
  plan: ImportPlan,
  rows: readonly Row[],
): Promise<readonly BatchOutcome[] | 'lost'> {
  const path = importPath(plan.request.table);
  const items = rows.map(
    ({ row }): ServiceNowRequest => ({ method: 'POST', path, body: row, repeatable: 'never' }),
  );
  for (let attempt = 1; ; attempt++) {
    try {
      return await sendBatch(scope.client, items, callContext(scope));
    } catch (error) {
      if (!(error instanceof ServiceNowError)) throw error;
      if (error.outcome === 'unknown') return 'lost';
      if (!error.retryable) return items.map(() => ({ kind: 'failed', error }));
      await waitOut(scope, error, attempt);
    }
  }
}

/** undefined when there is none: not serviced, or its answer is lost. */
function verdictOf(
  outcome: BatchOutcome | undefined,
  line: number,
  plan: ImportPlan,
): LineResult | undefined {
  if (outcome?.kind === 'failed') {
    const { error } = outcome;
    return error.outcome === 'unknown' ? undefined : { line, outcome: 'error', message: error.message };
  }
  if (outcome?.kind !== 'answered') return undefined;
  const { results } = readImport(outcome.response, 'POST', importPath(plan.request.table));
  const decisive = mostTelling(results);
  if (!decisive) return { line, outcome: 'unknown', message: 'no transform map took the row' };
  const { status, table, sys_id: sysId, error_message: error, status_message: comment } = decisive;
  const display = decisive['display_value'];
  return {
    line,
    outcome: knownOutcome(status),
    targetTable: table ?? '',
    sysId: sysId ?? '',
    display: typeof display === 'string' ? display : '',
    message: error || comment || '',
  };
}

/** With several transform maps a row is as good as the worst of them. */
const fromWorst: readonly Outcome[] = ['error', 'skipped', 'unknown', 'inserted', 'updated', 'ignored'];

function mostTelling(results: readonly RowResult[]): RowResult | undefined {
  const rank = (result: RowResult) => fromWorst.indexOf(knownOutcome(result.status));
  return [...results].sort((a, b) => rank(a) - rank(b))[0];
}

function knownOutcome(status: string): Outcome {
  return fromWorst.find((outcome) => outcome === status) ?? 'unknown';
}

/** When every item failed for the same reason, so will all that follow. */
function refusalOf(outcomes: readonly BatchOutcome[]): string | undefined {
  const [first, ...rest] = outcomes;
  if (first?.kind !== 'failed' || first.error.retryable) return undefined;
  const { code, message } = first.error;
  return rest.every((one) => one.kind === 'failed' && one.error.code === code) ? message : undefined;
}
