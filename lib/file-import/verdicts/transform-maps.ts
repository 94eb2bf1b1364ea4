import { sendBatch } from '../../servicenow/batch.ts';
import { AccessDeniedError } from '../../servicenow/errors.ts';
import { importRowStatusRequest, type RowResult, readImport } from '../../servicenow/import-sets.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import {
  batchesOf,
  callContext,
  type ImportScope,
  type InstanceRow,
  listRows,
  pageRows,
} from '../instance.ts';
import { knownOutcome, type LineResult, type RowOutcome, worstOf } from '../load/row-outcome.ts';

/** Counts of a transform history, and the outcome each stands for. */
const counters = {
  inserts: 'inserted',
  updates: 'updated',
  ignored: 'ignored',
  skipped: 'skipped',
  errors: 'error',
} as const satisfies Record<string, RowOutcome>;

/** A staging row that was read, and the line it came from. */
export type ReadRow = { readonly line: number; readonly sysId: string };

/** So many rows are looked up in one batch: it is cut off after 30 s. */
const rowsPerBatch = 50;
const pageSize = 1_000;

/**
 * The transform maps of a staging table. Each of them makes something of every row, and the row itself only keeps what the last one
 * made (docs/servicenow-contract.md 4.1): a row is as good as the worst of its outcomes.
 */
export class TransformMaps {
  readonly #scope: ImportScope;
  readonly #table: string;
  #single: Promise<boolean> | undefined;

  constructor(scope: ImportScope, table: string) {
    this.#scope = scope;
    this.#table = table;
  }

  /** Replaces verdicts on rows that several transform maps took. `rows` has what was read, by import set. */
  async correct(
    rows: ReadonlyMap<string, readonly ReadRow[]>,
    verdicts: Map<number, LineResult>,
  ): Promise<void> {
    if (rows.size === 0 || (await this.#isSingle())) return;
    const histories = await this.#histories([...rows.keys()]);
    const open: ReadRow[] = [];
    for (const [set, some] of rows) {
      const runs = histories.get(set) ?? [];
      if (runs.length < 2) continue;
      const outcomes = runs.flatMap((run) => uniformOutcome(run) ?? []);
      const worst = outcomes.length === runs.length ? worstOf(outcomes) : undefined;
      // Nothing to ask where each map made the same of all rows and the row itself keeps the outcome that counts.
      const isOpen = (outcome: RowOutcome | undefined) => outcome !== 'unknown' && outcome !== worst;
      open.push(...some.filter(({ line }) => isOpen(verdicts.get(line)?.outcome)));
    }
    for (let at = 0; at < open.length; at += rowsPerBatch)
      await this.#lookUp(open.slice(at, at + rowsPerBatch), verdicts);
  }

  /**
   * For rows that cannot be read back (hidden from the user, or cleaned up): the outcome of whole import sets, where the transform
   * histories count all rows of a set in one way.
   * @param sets how many rows each of them has
   * @returns by import set; sets of mixed outcomes are absent
   */
  async uniformOutcomes(sets: ReadonlyMap<string, number>): Promise<Map<string, RowOutcome>> {
    const uniform = new Map<string, RowOutcome>();
    for (const [set, runs] of await this.#histories([...sets.keys()])) {
      const outcomes = runs.flatMap((run) =>
        Number(run['total']) === sets.get(set) ? (uniformOutcome(run) ?? []) : [],
      );
      if (runs.length > 0 && outcomes.length === runs.length) uniform.set(set, worstOf(outcomes));
    }
    return uniform;
  }

  /** Whether the table has one active map and no more. Where maps cannot be read, the transform histories decide. */
  #isSingle(): Promise<boolean> {
    this.#single ??= this.#countMaps().then(
      (count) => count === 1,
      (error: unknown) => {
        this.#single = undefined;
        throw error;
      },
    );
    return this.#single;
  }

  async #countMaps(): Promise<number> {
    const query = {
      table: 'sys_transform_map',
      query: `source_table=${this.#table}^active=true`,
      fields: ['sys_id'],
      limit: 2,
    };
    return (await orNone(() => listRows(this.#scope.client, query, callContext(this.#scope)))).length;
  }

  async #histories(sets: readonly string[]): Promise<Map<string, InstanceRow[]>> {
    const histories = new Map<string, InstanceRow[]>();
    for (const ids of batchesOf(sets)) {
      const query = {
        table: 'sys_import_set_run',
        query: `setIN${ids.join(',')}`,
        fields: ['sys_id', 'set', 'total', ...Object.keys(counters)],
        limit: pageSize,
      };
      // Who may not read the histories learns no more than from the rows.
      const runs = await orNone(async () => {
        const all: InstanceRow[] = [];
        for await (const page of pageRows(this.#scope.client, query, callContext(this.#scope)))
          all.push(...page);
        return all;
      });
      for (const run of runs) {
        const set = run['set'] ?? '';
        histories.set(set, [...(histories.get(set) ?? []), run]);
      }
    }
    return histories;
  }

  /** Asks for the outcome of each row by each map. */
  async #lookUp(rows: readonly ReadRow[], verdicts: Map<number, LineResult>): Promise<void> {
    const requests = rows.map(({ sysId }) => importRowStatusRequest({ stagingTable: this.#table, sysId }));
    const answers = await sendBatch(this.#scope.client, requests, callContext(this.#scope));
    for (const [i, { line }] of rows.entries()) {
      const [answer, request] = [answers[i], requests[i]];
      if (answer?.kind === 'failed' && answer.error.retryable) throw answer.error;
      const results =
        answer?.kind === 'answered' && request
          ? resultsOf(() => readImport(answer.response, request).results)
          : [];
      if (results.length > 1) setResult(verdicts, line, results);
      else setUnclear(verdicts, line);
    }
  }
}

/** What a map made of all rows of a set; undefined where it differs from row to row. */
function uniformOutcome(run: InstanceRow): RowOutcome | undefined {
  const total = Number(run['total']);
  for (const [counter, outcome] of Object.entries(counters))
    if (total > 0 && Number(run[counter]) === total) return outcome;
  return undefined;
}

function setResult(verdicts: Map<number, LineResult>, line: number, results: readonly RowResult[]): void {
  const worst = worstOf(results.map(({ status }) => knownOutcome(status)));
  const decisive = results.find(({ status }) => knownOutcome(status) === worst);
  if (!decisive) return;
  const { table, sys_id: sysId, error_message: error, status_message: comment } = decisive;
  const display = decisive['display_value'];
  const verdict = verdicts.get(line);
  const isSame = verdict?.outcome === worst && verdict.sysId === sysId;
  const shown = typeof display === 'string' && display !== sysId ? display : '';
  verdicts.set(line, {
    line,
    outcome: worst,
    targetTable: table ?? '',
    sysId: sysId ?? '',
    display: isSame ? (verdict.display ?? '') : shown,
    message: error || comment || '',
  });
}

/** Several maps took the row, and only the outcome of the last one can be read: a success may be wrong, a failure is not. */
function setUnclear(verdicts: Map<number, LineResult>, line: number): void {
  const verdict = verdicts.get(line);
  if (!verdict || verdict.outcome === 'error') return;
  const message = `several transform maps took the row and only the last one's outcome (${verdict.outcome}) can be read`;
  verdicts.set(line, { ...verdict, outcome: 'unknown', message });
}

function resultsOf(read: () => readonly RowResult[]): readonly RowResult[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof ServiceNowError) return [];
    throw error;
  }
}

async function orNone(read: () => Promise<InstanceRow[]>): Promise<InstanceRow[]> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof AccessDeniedError) return [];
    throw error;
  }
}
