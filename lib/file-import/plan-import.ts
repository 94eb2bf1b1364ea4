import { readText } from '../aws/s3.ts';
import { ConfigurationError } from '../core/errors.ts';
import { callContext, type ImportScope, type ImportSurroundings } from './import-scope.ts';
import { readEarlierSets } from './load/reconcile-by-sets.ts';
import type { ImportPlan } from './plan/import-plan.ts';
import { mapColumns, possibleNames } from './plan/map-columns.ts';
import { type ImportSettings, parseSettings } from './plan/settings.ts';
import { describeStagingTable } from './plan/staging-table.ts';
import { headBytes, inspectFile } from './read/inspect-file.ts';
import { keepFront, pinnedObject } from './read/pinned-object.ts';
import { type Drop, parseDropKey } from './schedule/drop-key.ts';
import { type ImportRequest, versionMark } from './schedule/import-request.ts';

/** Reads `imports/{stagingTable}/_import.json`. @throws ConfigurationError */
export async function readSettings(
  { s3 }: Pick<ImportSurroundings, 's3'>,
  request: ImportRequest,
): Promise<ImportSettings> {
  const key = `imports/${request.table}/_import.json`;
  const stored = await readText(s3, { bucket: request.bucket, key });
  return parseSettings(stored?.text);
}

/** Where an import's results go: `results/{stagingTable}/{name}/{started}/`. */
export function resultsFolder(request: ImportRequest, startedAt: string, prefix: string): string {
  const drop = requireDrop(request);
  return `${prefix}${drop.table}/${drop.name}/${startedAt.replaceAll(/[:.]/g, '-')}/`;
}

/**
 * The pre-flight: everything that can be known before the first row is sent.
 * @throws InvalidInputError, ConfigurationError, ServiceNowError: then nothing was sent
 */
export async function planImport(
  scope: ImportScope,
  request: ImportRequest,
  settings: ImportSettings,
  where: { readonly startedAt: string; readonly folder: string },
): Promise<ImportPlan> {
  const drop = requireDrop(request);
  const object = keepFront(pinnedObject(scope.s3, request, headBytes));
  const isSettledBySets = settings.keyColumn === undefined && settings.mode === 'insertMultiple';
  const [file, staging, earlierSets] = await Promise.all([
    inspectFile(object, drop, settings),
    describeStagingTable(scope.client, request.table, settings.insertMultipleKeys, callContext(scope)),
    isSettledBySets ? readEarlierSets(scope, request.table) : undefined,
  ]);
  const open = drop.format === 'jsonl';
  const header = open ? possibleNames(staging, settings) : file.header;
  const row = mapColumns(header, staging, settings, versionMark(request), open);
  const keyColumn = settings.keyColumn?.toLowerCase();
  return {
    request,
    ...where,
    settings,
    content: file.content,
    row,
    ...(keyColumn ? { keyColumn } : {}),
    ...(earlierSets ? { earlierSets } : {}),
  };
}

function requireDrop(request: ImportRequest): Drop {
  const drop = parseDropKey(request.key);
  if ('ignored' in drop) throw new ConfigurationError('key', drop.ignored);
  return drop;
}
