import type { Clock } from '../../core/clock.ts';
import type { ImportState } from '../import-state.ts';
import type { ImportPlan } from '../plan.ts';
import type { ObjectBytes } from '../read/content.ts';
import type { ImportRequest } from '../schedule/import-request.ts';
import { executionName } from '../schedule/import-request.ts';
import type { ImportFolder } from '../work-folder.ts';
import { abandonGroups } from './abandon-groups.ts';
import { collectImportSets } from './import-sets.ts';
import { joinParts } from './parts.ts';
import { progressWriter } from './progress.ts';
import { writeRejectedFile } from './rejected-file.ts';
import { renderReport } from './report.ts';
import type { ImportSummary } from './summary.ts';

/** Writes the result files and then the summary, which marks them as complete. Run again, it keeps what is there. */
export async function finishImport(
  folder: ImportFolder,
  request: ImportRequest,
  state: ImportState,
  object: ObjectBytes,
  clock: Clock,
): Promise<ImportSummary> {
  const written = await folder.read('summary.json');
  return written === undefined ? writeResults(folder, request, state, object, clock) : JSON.parse(written);
}

async function writeResults(
  folder: ImportFolder,
  request: ImportRequest,
  unsettled: ImportState,
  object: ObjectBytes,
  clock: Clock,
): Promise<ImportSummary> {
  const state = unsettled.isGivenUp ? await abandonGroups(folder, unsettled) : unsettled;
  const [stored, work] = await Promise.all([folder.read('work/plan.json'), folder.listWork()]);
  const plan: ImportPlan | undefined = stored === undefined ? undefined : JSON.parse(stored);
  const groups = state.loadedGroups;
  const held = new Set(work.map(({ name }) => name));
  const [, rejectedFile, importSets] = await Promise.all([
    joinParts(folder, work),
    plan ? writeRejectedFile({ folder, plan, object, groups, held }) : undefined,
    collectImportSets(folder, state),
  ]);
  const summary = summarise(folder, request, state, clock.now(), plan, { importSets, rejectedFile });
  const done = {
    importId: executionName(request),
    phase: 'done',
    startedAt: new Date(state.begunAtMs ?? Date.parse(state.startedAt)).toISOString(),
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
};

function summarise(
  folder: ImportFolder,
  request: ImportRequest,
  state: ImportState,
  nowMs: number,
  plan: ImportPlan | undefined,
  { importSets, rejectedFile }: Gathered,
): ImportSummary {
  const { bucket, key, versionId, eTag, size, droppedAt } = request;
  const startMs = Date.parse(state.startedAt);
  const begunAtMs = state.begunAtMs ?? nowMs;
  const loadedAtMs = state.loadedAtMs ?? nowMs;
  const at = (name: string) => `${folder.prefix}${name}`;
  return {
    schemaVersion: 1,
    status: plan === undefined ? 'refused' : state.stopped === undefined ? 'completed' : 'stopped',
    ...(state.stopped === undefined ? {} : { reason: state.stopped }),
    source: { bucket, key, ...(versionId ? { versionId } : {}), eTag, size, droppedAt },
    stagingTable: request.table,
    startedAt: state.startedAt,
    finishedAt: new Date(nowMs).toISOString(),
    seconds: {
      waiting: seconds(begunAtMs - startMs),
      loading: seconds(loadedAtMs - begunAtMs),
      verdicts: seconds(nowMs - loadedAtMs),
      total: seconds(nowMs - startMs),
    },
    lines: { rows: state.rows + state.rejected, blank: state.blankLines },
    counts: state.tally,
    messages: state.messages,
    importSets,
    executions: state.part,
    ...(plan ? { settings: plan.settings } : {}),
    results: {
      summary: at('summary.json'),
      results: at('results.csv'),
      ...(rejectedFile === undefined ? {} : { rejected: at(rejectedFile) }),
      report: at('report.html'),
    },
  };
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
