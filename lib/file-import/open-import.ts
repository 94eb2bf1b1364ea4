import { type ImportFolder, importFolder } from './folder.ts';
import { callContext, type ImportDeps, type ImportScope, scopeOf } from './instance.ts';
import { OpenReader } from './load/file-reader.ts';
import { ClosedLedgers } from './load/ledger.ts';
import { readEarlierSets } from './load/reconcile-by-sets.ts';
import { blankColumnsWarning } from './plan/check-header.ts';
import { withDropper } from './plan/dropper-column.ts';
import type { ImportPlan } from './plan/import-plan.ts';
import { mapColumns, possibleNames } from './plan/map-columns.ts';
import { pinnedSettings } from './plan/pinned-settings.ts';
import { type ImportSettings, parseSettings, storedSettings, withWarning } from './plan/settings.ts';
import { describeStagingTable, readTransformTargets } from './plan/staging-table.ts';
import { timeZoneWarning } from './plan/time-zone.ts';
import { keepFront, pinnedObject, unlessLost } from './read/content.ts';
import { headBytes, inspectFile } from './read/inspect-file.ts';
import {
  type FileFacts,
  factsOfOutcome,
  factsOfRefused,
  type ProgressWriter,
  progressAtFirst,
  progressWriter,
} from './report/summary.ts';
import { resultOf } from './retry-later-error.ts';
import { type ImportRequest, versionMark } from './schedule/import-request.ts';
import { baseLeaseSeconds, type ImportState, loadingState, type Phase, refusedState } from './state.ts';
import { ResultsPart } from './verdicts/results-part.ts';
import { TransformMaps } from './verdicts/transform-maps.ts';

/** Checks everything that can be known before the first row; a problem ends the import. */
export async function preflight(
  scope: ImportDeps,
  opened: OpenImport,
  request: ImportRequest,
  state: Phase<'waiting'>,
): Promise<ImportState> {
  const startedAt = new Date(scope.clock.now()).toISOString();
  const folder = importFolder(scope.s3, request.bucket, request.resultsFolder);
  const progress = { ...progressAtFirst(request, 'pre-flight'), startedAt };
  const [planned] = await Promise.all([
    resultOf(async () => {
      const settings = parseSettings(await pinnedSettings(scope.s3, request));
      for (const warning of settings.warnings ?? [])
        scope.log.warn('setting-renamed', { warning, table: request.table });
      const note = (facts: object) => folder.write('work/facts.json', JSON.stringify(facts));
      return planImport(scopeOf(scope, request.table, settings.instance), request, settings, startedAt, note);
    }),
    progressWriter(folder, scope.clock).store(progress),
  ]);
  if ('problem' in planned) return refusedState(state, planned.problem, startedAt);
  const { content, settings } = planned.value;
  const begun = loadingState(state, {
    startedAt,
    cursor: content.start,
    operationsPerExecution: settings.operationsPerExecution,
    leaseSeconds: baseLeaseSeconds + settings.inDoubtSeconds,
    verdictTimeoutSeconds: settings.verdictTimeoutSeconds,
  });
  const stored = JSON.stringify(planned.value);
  await folder.write('work/plan.json', stored);
  await opened(request, stored);
  scope.outcomes?.report({ type: 'Import Started', ...factsOfOutcome(request) });
  return begun;
}

/**
 * Everything that can be known before the first row is sent.
 * @param note takes what was found in a file whose columns cannot be mapped
 * @throws InvalidInputError, ConfigurationError, ServiceNowError: then nothing was sent
 */
async function planImport(
  scope: ImportScope,
  request: ImportRequest,
  settings: ImportSettings,
  startedAt: string,
  note: (facts: FileFacts) => Promise<void>,
): Promise<ImportPlan> {
  const object = keepFront(pinnedObject(scope.s3, request, headBytes));
  const isReconciledBySets = settings.keyColumn === undefined && settings.mode === 'insertMultiple';
  const [file, staging, earlierSets, targets] = await Promise.all([
    inspectFile(object, request, settings),
    describeStagingTable(scope.client, request.table, settings.insertMultipleKeys, callContext(scope)),
    isReconciledBySets ? readEarlierSets(scope, request.table, startedAt) : undefined,
    readTransformTargets(scope.client, request.table, callContext(scope)),
  ]);
  const open = request.format === 'jsonl';
  const header = open ? possibleNames(staging, settings) : file.header;
  const map = () => mapColumns(header, staging, settings, versionMark(request), open, file.emptyColumns);
  const mapped = await orNote(map, () => note(factsOfRefused(file, staging, settings)));
  const dropper = { column: scope.callerColumn, droppedBy: request.droppedBy };
  const row = withDropper(mapped, staging, settings, dropper);
  const zoneWarning = await timeZoneWarning(scope.client, row.targets, callContext(scope));
  if (zoneWarning !== undefined)
    scope.log.warn('import-time-zone', { warning: zoneWarning, table: request.table });
  const warnings = [blankColumnsWarning(row), zoneWarning].filter((warning) => warning !== undefined);
  const keyColumn = settings.keyColumn?.toLowerCase();
  return {
    request,
    startedAt,
    folder: request.resultsFolder,
    ...(scope.instance === undefined ? {} : { instance: scope.instance }),
    settings: warnings.reduce(withWarning, settings),
    content: file.content,
    row,
    ...(keyColumn ? { keyColumn } : {}),
    ...targets,
    ...(earlierSets ? { earlierSets } : {}),
  };
}

async function orNote<T>(run: () => T, note: () => Promise<void>): Promise<T> {
  try {
    return run();
  } catch (error) {
    await note();
    throw error;
  }
}

/** What the steps of an import work with once it is planned. */
type OpenedImport = {
  readonly scope: ImportScope;
  readonly plan: ImportPlan;
  readonly folder: ImportFolder;
  readonly reader: OpenReader;
  readonly closed: ClosedLedgers;
  readonly part: ResultsPart;
  readonly maps: TransformMaps;
  readonly progress: ProgressWriter;
};

/** Opens an import that is planned. `stored` is its plan where it was stored just now. */
export type OpenImport = (request: ImportRequest, stored?: string) => Promise<OpenedImport>;

/**
 * The plan, its instance and the open file, kept for the rest of the invocation. Loading and reading verdicts ask for
 * them at the same time and have to get the same reader: with one each, the next group would find the ledger that was
 * opened for it and take it for one that was interrupted.
 * @param fileLost why the file may not be read any more
 */
export function openOnce(deps: ImportDeps, fileLost: () => string | undefined): OpenImport {
  let opened: Promise<OpenedImport> | undefined;
  return (request, stored) => {
    opened ??= open(deps, request, stored, fileLost).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}

async function open(
  deps: ImportDeps,
  request: ImportRequest,
  stored: string | undefined,
  fileLost: () => string | undefined,
): Promise<OpenedImport> {
  const folder = importFolder(deps.s3, request.bucket, request.resultsFolder);
  const text = stored ?? (await folder.read('work/plan.json'));
  if (text === undefined) throw new Error(`${request.resultsFolder}work/plan.json is gone`);
  const planned: ImportPlan = JSON.parse(text);
  const plan = { ...planned, settings: storedSettings(planned.settings) };
  const scope = scopeOf(deps, request.table, plan.settings.instance);
  const reader = new OpenReader(plan, unlessLost(pinnedObject(scope.s3, request), fileLost));
  return {
    scope,
    plan,
    folder,
    reader,
    closed: new ClosedLedgers(folder),
    part: new ResultsPart(),
    maps: new TransformMaps(scope, request.table),
    progress: progressWriter(folder, scope.clock),
  };
}
