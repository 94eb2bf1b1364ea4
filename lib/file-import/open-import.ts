import { type ImportFolder, importFolder } from './folder.ts';
import { callContext, type ImportScope, type ImportSurroundings, scopeOf } from './instance.ts';
import { OpenReader } from './load/file-reader.ts';
import { ClosedLedgers } from './load/ledger.ts';
import { readEarlierSets } from './load/reconcile-by-sets.ts';
import type { ImportPlan } from './plan/import-plan.ts';
import { mapColumns, possibleNames } from './plan/map-columns.ts';
import type { ImportSettings } from './plan/settings.ts';
import { describeStagingTable, readTransformTargets } from './plan/staging-table.ts';
import { keepFront, pinnedObject } from './read/content.ts';
import { headBytes, inspectFile } from './read/inspect-file.ts';
import { type FileFacts, factsOfRefused, type ProgressWriter, progressWriter } from './report/summary.ts';
import { type ImportRequest, versionMark } from './schedule/import-request.ts';
import { ResultsPart } from './verdicts/results-part.ts';
import { TransformMaps } from './verdicts/transform-maps.ts';

/**
 * The pre-flight: everything that can be known before the first row is sent.
 * @param note takes what was found in a file whose columns cannot be mapped
 * @throws InvalidInputError, ConfigurationError, ServiceNowError: then nothing was sent
 */
export async function planImport(
  scope: ImportScope,
  request: ImportRequest,
  settings: ImportSettings,
  startedAt: string,
  note: (facts: FileFacts) => Promise<void>,
): Promise<ImportPlan> {
  const object = keepFront(pinnedObject(scope.s3, request, headBytes));
  const isSettledBySets = settings.keyColumn === undefined && settings.mode === 'insertMultiple';
  const context = callContext(scope);
  const [file, staging, earlierSets, targets] = await Promise.all([
    inspectFile(object, request, settings),
    describeStagingTable(scope.client, request.table, settings.insertMultipleKeys, callContext(scope)),
    isSettledBySets ? readEarlierSets(scope, request.table) : undefined,
    readTransformTargets(scope.client, request.table, context),
  ]);
  const open = request.format === 'jsonl';
  const header = open ? possibleNames(staging, settings) : file.header;
  const map = () => mapColumns(header, staging, settings, versionMark(request), open);
  const row = await orNote(map, () => note(factsOfRefused(file, staging, settings)));
  const keyColumn = settings.keyColumn?.toLowerCase();
  return {
    request,
    startedAt,
    folder: request.resultsFolder,
    settings,
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
type Opened = {
  readonly scope: ImportScope;
  readonly plan: ImportPlan;
  readonly folder: ImportFolder;
  readonly reader: OpenReader;
  readonly closed: ClosedLedgers;
  readonly part: ResultsPart;
  readonly maps: TransformMaps;
  readonly progress: ProgressWriter;
};

/**
 * The plan, its instance and the open file, kept for the rest of the invocation. Loading and reading verdicts ask for
 * them at the same time and have to get the same reader: with one each, the next group would find the ledger that was
 * opened for it and take it for one that was broken off.
 * @returns what opens them; `stored` is the plan where it was stored just now
 */
export function openOnce(
  surroundings: ImportSurroundings,
): (request: ImportRequest, stored?: string) => Promise<Opened> {
  let opened: Promise<Opened> | undefined;
  return (request, stored) => {
    opened ??= open(surroundings, request, stored).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}

async function open(
  surroundings: ImportSurroundings,
  request: ImportRequest,
  stored: string | undefined,
): Promise<Opened> {
  const folder = importFolder(surroundings.s3, request.bucket, request.resultsFolder);
  const text = stored ?? (await folder.read('work/plan.json'));
  if (text === undefined) throw new Error(`${request.resultsFolder}work/plan.json is gone`);
  const plan: ImportPlan = JSON.parse(text);
  const scope = scopeOf(surroundings, request, plan.settings);
  const reader = new OpenReader(plan, pinnedObject(scope.s3, request));
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
