import { type ImportFolder, importFolder } from './folder.ts';
import { type ImportScope, type ImportSurroundings, scopeOf } from './import-scope.ts';
import { ClosedLedgers } from './load/ledger.ts';
import { OpenReader } from './load/open-reader.ts';
import type { ImportPlan } from './plan/import-plan.ts';
import { pinnedObject } from './read/pinned-object.ts';
import { type ProgressWriter, progressWriter } from './report/progress.ts';
import type { ImportRequest } from './schedule/import-request.ts';
import { ResultsPart } from './verdicts/results-part.ts';
import { TransformMaps } from './verdicts/transform-maps.ts';

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
