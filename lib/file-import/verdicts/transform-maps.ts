import { sendBatch } from '../../servicenow/batch.ts';
import { encodedQuery } from '../../servicenow/encoded-query.ts';
import { importRowStatusRequest, type RowResult, readImport } from '../../servicenow/import-sets.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import {
  callContext,
  hidesMap,
  type ImportScope,
  type InstanceRow,
  listCounted,
  pageRows,
  partsToName,
  unlessHidden,
} from '../instance.ts';
import { loadedSets } from '../load/reconcile-by-sets.ts';
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

/** A row that several maps took: so many, as far as that is known. */
type OpenRow = ReadRow & { readonly maps: number };

/** Transform histories of some import sets, one for each map and set. */
type Histories = {
  /** Those that the user sees, by import set. */
  readonly runs: ReadonlyMap<string, readonly InstanceRow[]>;
  /** How many each set has, where some are hidden; 0 where that is not known either. */
  readonly hiddenFrom: ReadonlyMap<string, number>;
};

/** So many rows are looked up in one batch: it is cut off after 30 s. */
const rowsPerBatch = 50;
/** So many batches in a row may run out of time before their first row; rows are not looked up any more then. */
const maxUnserviced = 3;
const pageSize = 1_000;

/**
 * The transform maps of a staging table. Each of them makes something of every row, and the row itself only keeps what the last one
 * made (docs/servicenow-contract.md 4.1): a row is as good as the worst of its outcomes.
 */
export class TransformMaps {
  readonly #scope: ImportScope;
  readonly #table: string;
  #maps: Promise<number | undefined> | undefined;
  /** How many maps the rows of the load pass through, where only rows show it. */
  #mapsOfRows: Promise<number | undefined> | undefined;

  constructor(scope: ImportScope, table: string) {
    this.#scope = scope;
    this.#table = table;
  }

  /** Replaces verdicts on rows that several transform maps took. `rows` has what was read, by import set. */
  async correct(
    rows: ReadonlyMap<string, readonly ReadRow[]>,
    verdicts: Map<number, LineResult>,
  ): Promise<void> {
    if (rows.size === 0) return;
    const maps = await this.#countOnce();
    if (maps === 1) return;
    const { runs, hiddenFrom } = await this.#histories([...rows.keys()]);
    const open: OpenRow[] = [];
    for (const [set, some] of rows) {
      const seen = runs.get(set) ?? [];
      const hidden = hiddenFrom.get(set);
      const known = hidden === undefined ? seen.length : Math.max(seen.length, hidden, maps ?? 0);
      const all = known > 0 || maps !== undefined ? known : await this.#countByRow(some);
      if (all === undefined) {
        for (const { line } of some) setUnclear(verdicts, line, unknownMaps);
        continue;
      }
      if (all < 2) continue;
      const outcomes = seen.flatMap((run) => uniformOutcome(run) ?? []);
      const worst = outcomes.length === all ? worstOf(outcomes) : undefined;
      // Nothing to ask where each map made the same of all rows and the row itself keeps the outcome that counts.
      const isOpen = (outcome: RowOutcome | undefined) => outcome !== 'unknown' && outcome !== worst;
      for (const row of some) if (isOpen(verdicts.get(row.line)?.outcome)) open.push({ ...row, maps: all });
    }
    let left = open;
    for (let idle = 0; left.length > 0 && idle < maxUnserviced; ) {
      const batch = left.slice(0, rowsPerBatch);
      const again = await this.#lookUp(batch, verdicts);
      idle = again.length === batch.length ? idle + 1 : 0;
      left = [...again, ...left.slice(rowsPerBatch)];
    }
    for (const { line } of left) setUnclear(verdicts, line, onlyLast);
  }

  /**
   * How many of some import sets a further map still transforms: its maps go through a set one after another, and what the first
   * ones made of a row looks final. A map that is through has completed its history.
   */
  async countUnfinished(sets: readonly string[]): Promise<number> {
    const maps = sets.length === 0 ? 0 : await this.#countOnce();
    if (maps !== undefined && maps < 2) return 0;
    const loaded = [...(await loadedSets(this.#scope, sets))];
    if (maps === undefined) return loaded.length;
    const { runs } = await this.#histories(loaded);
    const isFinished = (set: string) => {
      const completed = (runs.get(set) ?? []).filter((run) => run['completed'] !== '');
      return completed.length >= maps;
    };
    return loaded.filter((set) => !isFinished(set)).length;
  }

  /**
   * For rows that cannot be read back (hidden from the user, or cleaned up): the outcome of whole import sets, where the transform
   * histories count all rows of a set in one way.
   * @param sets how many rows each of them has
   * @returns by import set; sets of mixed outcomes are absent
   */
  async uniformOutcomes(sets: ReadonlyMap<string, number>): Promise<Map<string, RowOutcome>> {
    const uniform = new Map<string, RowOutcome>();
    const { runs, hiddenFrom } = await this.#histories([...sets.keys()]);
    for (const [set, some] of runs) {
      const outcomes = some.flatMap((run) =>
        Number(run['total']) === sets.get(set) ? (uniformOutcome(run) ?? []) : [],
      );
      if (outcomes.length === some.length && !hiddenFrom.has(set)) uniform.set(set, worstOf(outcomes));
    }
    return uniform;
  }

  /** How many rows of some import sets were transformed, as far as histories show it. */
  async countTransformed(sets: readonly string[]): Promise<number> {
    const { runs } = await this.#histories(sets);
    const ofSet = (some: readonly InstanceRow[]) => Math.max(...some.map((run) => Number(run['total']) || 0));
    return [...runs.values()].reduce((sum, some) => sum + ofSet(some), 0);
  }

  /** How many active maps the table has, those included that are hidden from the user; undefined where it may not ask. */
  #countOnce(): Promise<number | undefined> {
    this.#maps ??= this.#countMaps().catch((error: unknown) => {
      this.#maps = undefined;
      throw error;
    });
    return this.#maps;
  }

  #countMaps(): Promise<number | undefined> {
    const query = encodedQuery()
      .where('source_table', '=', this.#table)
      .where('active', '=', 'true')
      .toString();
    return this.#countAll('sys_transform_map', query);
  }

  /** How many maps rows pass through, where neither maps nor histories may be read; undefined where the rows do not show it either. */
  async #countByRow([first]: readonly ReadRow[]): Promise<number | undefined> {
    if (!first) return undefined;
    this.#mapsOfRows ??= this.#entriesOf(first).catch((error: unknown) => {
      this.#mapsOfRows = undefined;
      throw error;
    });
    return this.#mapsOfRows;
  }

  async #entriesOf({ sysId }: ReadRow): Promise<number | undefined> {
    const request = importRowStatusRequest({ stagingTable: this.#table, sysId });
    const [answer] = await sendBatch(this.#scope.client, [request], callContext(this.#scope));
    if (answer?.kind === 'failed' && answer.error.retryable && !hidesMap(answer.error)) throw answer.error;
    if (answer?.kind !== 'answered') return undefined;
    const { length } = resultsOf(() => readImport(answer.response, request).results);
    return length > 0 ? length : undefined;
  }

  /** Rows that a query finds, those included that are hidden from the user; undefined where it may not ask. */
  #countAll(table: string, query: string): Promise<number | undefined> {
    return unlessHidden(async () => {
      const counted = { table, query, fields: ['sys_id'], limit: 1 };
      return (await listCounted(this.#scope.client, counted, callContext(this.#scope))).total;
    });
  }

  async #histories(sets: readonly string[]): Promise<Histories> {
    const runs = new Map<string, InstanceRow[]>();
    const hiddenFrom = new Map<string, number>();
    for (const ids of partsToName(sets)) {
      const query = encodedQuery().oneOf('set', ids).toString();
      const seen = await this.#runsOf(query);
      for (const run of seen) {
        const set = run['set'] ?? '';
        runs.set(set, [...(runs.get(set) ?? []), run]);
      }
      const total = await this.#countAll('sys_import_set_run', query);
      if (total !== undefined && total <= seen.length) continue;
      // Each map ran for each set.
      for (const set of ids) hiddenFrom.set(set, Math.ceil((total ?? 0) / ids.length));
    }
    return { runs, hiddenFrom };
  }

  /** Who may not read the histories learns no more than from the rows. */
  async #runsOf(query: string): Promise<InstanceRow[]> {
    const runs = {
      table: 'sys_import_set_run',
      query,
      fields: ['sys_id', 'set', 'total', 'completed', ...Object.keys(counters)],
      limit: pageSize,
    };
    const read = async () => {
      const all: InstanceRow[] = [];
      for await (const page of pageRows(this.#scope, runs)) all.push(...page);
      return all;
    };
    return (await unlessHidden(read)) ?? [];
  }

  /** Asks for the outcome of each row by each map. @returns the rows that the instance did not get to in time */
  async #lookUp(rows: readonly OpenRow[], verdicts: Map<number, LineResult>): Promise<OpenRow[]> {
    const requests = rows.map(({ sysId }) => importRowStatusRequest({ stagingTable: this.#table, sysId }));
    const answers = await sendBatch(this.#scope.client, requests, callContext(this.#scope));
    const left = rows.filter((_, i) => answers[i]?.kind === 'unserviced');
    for (const [i, { line, maps }] of rows.entries()) {
      const [answer, request] = [answers[i], requests[i]];
      if (answer?.kind === 'unserviced') continue;
      if (answer?.kind === 'failed' && answer.error.retryable && !hidesMap(answer.error)) throw answer.error;
      const results =
        answer?.kind === 'answered' && request
          ? resultsOf(() => readImport(answer.response, request).results)
          : [];
      if (results.length >= maps) setResult(verdicts, line, results);
      else setUnclear(verdicts, line, onlyLast);
    }
    return left;
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

const onlyLast = (outcome: RowOutcome) =>
  `several transform maps took the row and only the last one's outcome (${outcome}) can be read`;
const unknownMaps = (outcome: RowOutcome) =>
  `${outcome} by the last transform map, and whether there are others cannot be read; allow the user to read sys_transform_map`;

/** Several maps took the row, or may have, and only the outcome of the last one can be read: a success may be wrong, a failure is not. */
function setUnclear(
  verdicts: Map<number, LineResult>,
  line: number,
  why: (outcome: RowOutcome) => string,
): void {
  const verdict = verdicts.get(line);
  if (!verdict || verdict.outcome === 'error' || verdict.outcome === 'unknown') return;
  verdicts.set(line, { ...verdict, outcome: 'unknown', message: why(verdict.outcome) });
}

function resultsOf(read: () => readonly RowResult[]): readonly RowResult[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof ServiceNowError) return [];
    throw error;
  }
}
