import type { ImportState } from './import-state.ts';
import type { GroupOutcome } from './load/load-group.ts';
import { emptyTally } from './load/row-outcome.ts';
import { addSample } from './report/speed-chart.ts';

/** The state of an import that has not begun. */
export function firstState(startedAt: string, folder: string, operationsPerExecution: number): ImportState {
  return {
    part: 1,
    startedAt,
    folder,
    operationsPerExecution,
    cursor: { byte: 0, line: 1 },
    loadedGroups: 0,
    settledGroups: 0,
    ended: false,
    rows: 0,
    rejected: 0,
    blankLines: 0,
    importSets: 0,
    tally: emptyTally(),
    messages: [],
    samples: [],
  };
}

/** The state once a group is loaded. */
export function afterGroup(state: ImportState, group: GroupOutcome, nowMs: number): ImportState {
  const rows = state.rows + group.rows;
  const rejected = state.rejected + group.rejected;
  const stopped = state.stopped ?? group.refused ?? group.broken;
  return {
    ...state,
    cursor: group.next,
    loadedGroups: state.loadedGroups + 1,
    ended: group.ended,
    rows,
    rejected,
    blankLines: state.blankLines + group.blankLines,
    importSets: state.importSets + group.importSets,
    samples: addSample(state.samples, { atMs: nowMs, rows: rows + rejected }),
    ...(group.ended ? { loadedAtMs: nowMs } : {}),
    ...(stopped === undefined ? {} : { stopped }),
  };
}
