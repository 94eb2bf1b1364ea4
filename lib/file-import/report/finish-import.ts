import type { Clock } from '../../core/clock.ts';
import type { ImportFolder } from '../folder.ts';
import { importSetsOf, knownChunks, readLedger } from '../load/ledger.ts';
import { type FrequentMessage, type Tally, tallied, type Verdict } from '../load/row-outcome.ts';
import type { ImportPlan } from '../plan/import-plan.ts';
import type { ObjectBytes } from '../read/content.ts';
import type { ImportRequest } from '../schedule/import-request.ts';
import { chunkVerdicts, GroupLines, rejectedResults } from '../verdicts/collect-verdicts.ts';
import { addVerdict, beginPart, joinParts, ResultsPart, writePart } from '../verdicts/results-part.ts';
import { renderReport } from './report-page.ts';
import { writeRejectedFile, writeUnsentFile } from './rows-given-back.ts';
import type { Sample } from './speed-chart.ts';
import {
  type FileFacts,
  factsOf,
  type ImportSummary,
  importedObject,
  isOwnResult,
  progressWriter,
} from './summary.ts';

/** An import whose rows are loaded: what its state says of it in the end. */
export type LoadedImport = {
  readonly executionNumber: number;
  /** ISO time at which work on the file began. */
  readonly startedAt: string;
  readonly loadedGroups: number;
  readonly collectedGroups: number;
  readonly rows: number;
  readonly rejected: number;
  readonly blankLines: number;
  readonly importSets: number;
  readonly tally: Tally;
  readonly arrived?: number | undefined;
  readonly messages: readonly FrequentMessage[];
  readonly samples: readonly Sample[];
  readonly loadedAtMs?: number | undefined;
  /** Why nothing more was sent. */
  readonly stopReason?: string | undefined;
  /** Verdicts were not read to the end. */
  readonly isAbandoned: boolean;
};

/**
 * Writes the result files and then the summary, which marks them as complete. Run again, it keeps its own; what was answered when
 * the import was given up for lost is replaced.
 */
export async function finishImport(
  folder: ImportFolder,
  request: ImportRequest,
  state: LoadedImport,
  object: ObjectBytes,
  clock: Clock,
): Promise<ImportSummary> {
  const stored = await folder.read('summary.json');
  const written: ImportSummary | undefined = stored === undefined ? undefined : JSON.parse(stored);
  if (written && isOwnResult(written)) return written;
  return writeResults(folder, request, state, object, clock);
}

async function writeResults(
  folder: ImportFolder,
  request: ImportRequest,
  loaded: LoadedImport,
  object: ObjectBytes,
  clock: Clock,
): Promise<ImportSummary> {
  const state = loaded.isAbandoned ? await abandonGroups(folder, loaded) : loaded;
  const [stored, work] = await Promise.all([folder.read('work/plan.json'), folder.listWork()]);
  const plan: ImportPlan | undefined = stored === undefined ? undefined : JSON.parse(stored);
  const groups = state.loadedGroups;
  const held = new Set(work.map(({ name }) => name));
  const rows = plan && { folder, plan, object, groups, held };
  const [, rejectedFile, unsentFile, importSets, facts] = await Promise.all([
    joinParts(folder, work),
    rows && writeRejectedFile(rows),
    rows && writeUnsentFile(rows),
    collectImportSets(folder, state),
    plan ? factsOf(plan) : readFacts(folder, held),
  ]);
  const summary = summarise(folder, request, state, clock.now(), plan, {
    importSets,
    rejectedFile,
    unsentFile,
    facts,
  });
  const done = {
    ...importedObject(request),
    phase: 'done',
    startedAt: state.startedAt,
    bytes: { read: request.size, total: request.size },
    rows: summary.lines.rows,
    counts: summary.counts,
  } as const;
  await Promise.all([
    folder.write('report.html', renderReport(summary, state.samples), 'text/html; charset=utf-8'),
    progressWriter(folder, clock).store(done),
  ]);
  await folder.write('summary.json', JSON.stringify(summary, undefined, 2));
  return summary;
}

type Gathered = {
  readonly importSets: ImportSummary['importSets'];
  readonly rejectedFile: string | undefined;
  readonly unsentFile: string | undefined;
  readonly facts: FileFacts | undefined;
};

/** Of a file that was refused. */
async function readFacts(folder: ImportFolder, held: ReadonlySet<string>): Promise<FileFacts | undefined> {
  const stored = held.has('work/facts.json') ? await folder.read('work/facts.json') : undefined;
  return stored === undefined ? undefined : JSON.parse(stored);
}

function summarise(
  folder: ImportFolder,
  request: ImportRequest,
  state: LoadedImport,
  nowMs: number,
  plan: ImportPlan | undefined,
  { importSets, rejectedFile, unsentFile, facts }: Gathered,
): ImportSummary {
  const { bucket, key, versionId, eTag, size, droppedAt } = request;
  const begunAtMs = Date.parse(state.startedAt);
  // The clocks of S3 and Lambda may differ a little.
  const droppedAtMs = Math.min(begunAtMs, Date.parse(droppedAt));
  const loadedAtMs = state.loadedAtMs ?? nowMs;
  const at = (name: string) => `${folder.prefix}${name}`;
  return {
    schemaVersion: 1,
    status: plan === undefined ? 'refused' : state.stopReason === undefined ? 'completed' : 'stopped',
    ...(state.stopReason === undefined ? {} : { reason: state.stopReason }),
    source: { bucket, key, ...(versionId ? { versionId } : {}), eTag, size, droppedAt },
    ...(plan?.instance ? { instance: plan.instance } : {}),
    stagingTable: request.table,
    startedAt: state.startedAt,
    finishedAt: new Date(nowMs).toISOString(),
    seconds: {
      waiting: seconds(begunAtMs - droppedAtMs),
      loading: seconds(loadedAtMs - begunAtMs),
      verdicts: seconds(nowMs - loadedAtMs),
      total: seconds(nowMs - droppedAtMs),
    },
    lines: { rows: state.rows + state.rejected, blank: state.blankLines },
    counts: state.tally,
    ...(state.arrived === undefined ? {} : { arrived: state.arrived }),
    messages: state.messages,
    importSets,
    executions: state.executionNumber,
    ...(plan ? { settings: plan.settings } : {}),
    ...(facts ? { file: facts } : {}),
    ...(plan?.targetTables ? { targetTables: plan.targetTables } : {}),
    results: {
      summary: at('summary.json'),
      results: at('results.csv'),
      ...(rejectedFile === undefined ? {} : { rejected: at(rejectedFile) }),
      ...(unsentFile === undefined ? {} : { unsent: at(unsentFile) }),
      report: at('report.html'),
    },
  };
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}

const unread: Verdict = {
  outcome: 'unknown',
  message: 'the import was abandoned before its verdict was read',
};

/** After an import was abandoned: rows that the instance has and whose verdict was not read count as unknown. */
async function abandonGroups(folder: ImportFolder, state: LoadedImport): Promise<LoadedImport> {
  const part = new ResultsPart();
  let after = state;
  for (let group = state.collectedGroups; ; group++) {
    const ledger = await readLedger(folder, group);
    if (!ledger) return after;
    await beginPart(folder, part, group);
    const lines = new GroupLines(part, ledger.next ? await rejectedResults(folder, group) : []);
    await lines.add(knownChunks(ledger), (chunk) => chunkVerdicts(chunk, new Map(), () => unread));
    lines.end();
    const verdict = await writePart(folder, group, part);
    const { tally } = verdict;
    const isNew = group >= state.loadedGroups;
    after = {
      ...after,
      rows: after.rows + (isNew ? tallied(tally) - tally.rejected : 0),
      rejected: after.rejected + (isNew ? tally.rejected : 0),
      importSets: after.importSets + (isNew ? importSetsOf(ledger.chunks).length : 0),
      loadedGroups: Math.max(after.loadedGroups, group + 1),
      ...addVerdict({ ...after, collectedGroups: group }, verdict),
    };
  }
}

/** A long load has thousands of import sets; so many of them are named in the summary. */
const maxNamed = 200;

/** Names the first import sets and counts all. */
async function collectImportSets(
  folder: ImportFolder,
  { importSets: count, loadedGroups }: LoadedImport,
): Promise<ImportSummary['importSets']> {
  const named = Math.min(count, maxNamed);
  const first: string[] = [];
  for (let group = 0; group < loadedGroups && first.length < named; group++) {
    const ledger = await readLedger(folder, group);
    if (ledger) first.push(...importSetsOf(ledger.chunks));
  }
  return { count, first: first.slice(0, named) };
}
