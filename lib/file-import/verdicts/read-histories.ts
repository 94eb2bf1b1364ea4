import { AccessDeniedError } from '../../servicenow/errors.ts';
import { callContext, type ImportScope } from '../import-scope.ts';
import { type InstanceRow, listRows } from '../instance-rows.ts';
import type { RowOutcome } from '../load/row-outcome.ts';
import { batchesOf } from './batches.ts';

/** Counts of a transform history, and the outcome each stands for. */
const counters = {
  inserts: 'inserted',
  updates: 'updated',
  ignored: 'ignored',
  skipped: 'skipped',
  errors: 'error',
} as const satisfies Record<string, RowOutcome>;

/**
 * For rows that cannot be read back (hidden from the user, or cleaned up): the outcome of whole import sets, where the
 * transform history counts all rows of a set in one way. By import set; sets of mixed outcomes are absent.
 */
export async function readUniformOutcomes(
  scope: ImportScope,
  sets: ReadonlyMap<string, number>,
): Promise<Map<string, RowOutcome>> {
  const uniform = new Map<string, RowOutcome>();
  for (const ids of batchesOf([...sets.keys()])) {
    const query = {
      table: 'sys_import_set_run',
      query: `setIN${ids.join(',')}`,
      fields: ['sys_id', 'set', 'total', ...Object.keys(counters)],
      limit: 1_000,
    };
    try {
      // One page holds them all: a set has one history for each of its few transform maps.
      for (const run of await listRows(scope.client, query, callContext(scope))) note(uniform, run, sets);
    } catch (error) {
      // Who may not read the histories learns no more than from the rows.
      if (!(error instanceof AccessDeniedError)) throw error;
      return uniform;
    }
  }
  return uniform;
}

function note(uniform: Map<string, RowOutcome>, run: InstanceRow, sets: ReadonlyMap<string, number>): void {
  const set = run['set'] ?? '';
  const rows = sets.get(set);
  for (const [counter, outcome] of Object.entries(counters))
    if (rows !== undefined && Number(run[counter]) === rows && Number(run['total']) === rows)
      uniform.set(set, outcome);
}
