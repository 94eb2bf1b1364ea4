import type { ImportState } from './import-state.ts';
import { failures, tallied } from './load/row-outcome.ts';
import type { ImportPlan } from './plan/import-plan.ts';

/** A share is judged only once enough rows have their verdict to mean something. */
const fewestForPercent = 100;

/** Rejected rows are known before the verdicts of their group. */
export function failuresSoFar({ tally, rejected }: ImportState): number {
  return failures(tally) - tally.rejected + Math.max(rejected, tally.rejected);
}

/** Why an import is to stop by its `maxErrors` or `maxErrorPercent`; undefined while it may go on. */
export function tooManyFailures({ settings }: ImportPlan, state: ImportState): string | undefined {
  const { maxErrors, maxErrorPercent } = settings;
  const failed = failuresSoFar(state);
  if (maxErrors !== undefined && failed > maxErrors)
    return `${failed} rows failed, maxErrors is ${maxErrors}`;
  const judged = tallied(state.tally) + failed - failures(state.tally);
  const percent = judged === 0 ? 0 : (100 * failed) / judged;
  if (maxErrorPercent !== undefined && judged >= fewestForPercent && percent > maxErrorPercent)
    return `${percent.toFixed(1)} % of the rows failed, maxErrorPercent is ${maxErrorPercent}`;
  return undefined;
}
