import { callContext, type ImportScope } from './import-scope.ts';
import { readEarlierSets } from './load/own-sets.ts';
import type { ImportPlan } from './plan/import-plan.ts';
import { mapColumns, possibleNames } from './plan/map-columns.ts';
import type { ImportSettings } from './plan/settings.ts';
import { describeStagingTable, readTransformTargets } from './plan/staging-table.ts';
import { headBytes, inspectFile } from './read/inspect-file.ts';
import { keepFront, pinnedObject } from './read/pinned-object.ts';
import { type FileFacts, factsOfRefused } from './report/summary.ts';
import { type ImportRequest, versionMark } from './schedule/import-request.ts';

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
