import type { RedriveReport } from '../../lib/record-queue/redrive.ts';
import { explainError } from '../explain-error.ts';

/** The report of a queue that could not be redriven. */
export function failedRedrive(deadLetterUrl: string, error: unknown): RedriveReport {
  const queue = deadLetterUrl.split('/').at(-1);
  return { ...addReports([]), failures: [`${queue}: ${explainError(error)}`] };
}

/** Several redrives as one. */
export function addReports(reports: readonly RedriveReport[]): RedriveReport {
  const add = (counts: readonly ReadonlyMap<string, number>[]) => {
    const sum = new Map<string, number>();
    for (const [code, count] of counts.flatMap((one) => [...one]))
      sum.set(code, (sum.get(code) ?? 0) + count);
    return sum;
  };
  const total = (of: (report: RedriveReport) => number) => reports.reduce((sum, one) => sum + of(one), 0);
  return {
    found: add(reports.map(({ found }) => found)),
    moved: total(({ moved }) => moved),
    returned: add(reports.map(({ returned }) => returned)),
    failures: reports.flatMap(({ failures }) => failures),
    underWay: total(({ underWay }) => underWay),
    isInterrupted: reports.some(({ isInterrupted }) => isInterrupted),
    unseen: total(({ unseen }) => unseen),
  };
}
