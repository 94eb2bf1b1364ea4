import type { ImportState } from './import-state.ts';
import type { ImportPlan } from './plan/import-plan.ts';
import type { ImportProgress } from './report/progress.ts';
import { executionName, type ImportRequest } from './schedule/import-request.ts';

/** What `progress.json` says of an import in this state, with `doneInGroup` rows more, read up to `byte`. */
export function progressOf(
  request: ImportRequest,
  state: ImportState,
  plan: ImportPlan | undefined,
  phase: ImportProgress['phase'],
  doneInGroup: number,
  byte: number,
): Omit<ImportProgress, 'updatedAt'> {
  const isPlain = plan !== undefined && !plan.content.gzip && plan.content.encoding.way !== 'transcode';
  const total = isPlain ? request.size : 0;
  return {
    importId: executionName(request),
    phase,
    startedAt: begunAt(state),
    bytes: { read: byte, total },
    rows: state.rows + state.rejected + doneInGroup,
    counts: state.tally,
  };
}

/** When work on the file began; for one that waits for its turn, when the waiting did. */
function begunAt({ begunAtMs, startedAt }: ImportState): string {
  return begunAtMs === undefined ? startedAt : new Date(begunAtMs).toISOString();
}
