import { failures, type Tally, tallied } from './load/row-outcome.ts';
import type { ImportSettings } from './plan/settings.ts';

/** What is known of the rows of an import so far. */
type Known = {
  /** Of the groups whose verdicts were read. */
  readonly tally: Tally;
  /** Rejected lines, also of groups whose verdicts were not read yet. */
  readonly rejected: number;
};

/** While verdicts are missing, a share is judged only once enough of them are known to mean something. */
const fewestForPercent = 100;

/** Lines that certainly failed. */
export function failuresSoFar({ tally, rejected }: Known): number {
  return failures(tally) - tally.rejected + Math.max(rejected, tally.rejected);
}

/**
 * Why an import has to stop by its `maxErrors` or `maxErrorPercent`; undefined while it may go on. The share is that of the
 * lines whose verdict is known, rejected ones of other groups left out: they are known first, and would look like all there is.
 * @param isComplete the verdict of every line is known
 */
export function tooManyFailures(
  { maxErrors, maxErrorPercent }: Pick<ImportSettings, 'maxErrors' | 'maxErrorPercent'>,
  known: Known,
  isComplete = false,
): string | undefined {
  const failed = failuresSoFar(known);
  if (maxErrors !== undefined && failed > maxErrors)
    return `${failed} rows failed, maxErrors is ${maxErrors}`;
  const judged = tallied(known.tally);
  const percent = judged === 0 ? 0 : (100 * failures(known.tally)) / judged;
  const isEnough = isComplete || judged >= fewestForPercent;
  if (maxErrorPercent !== undefined && isEnough && percent > maxErrorPercent)
    return `${percent.toFixed(1)} % of the rows failed, maxErrorPercent is ${maxErrorPercent}`;
  return undefined;
}
