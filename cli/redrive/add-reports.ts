import type { RedriveReport } from '../../lib/record-queue/redrive.ts';

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
