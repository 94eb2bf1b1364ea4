import { rowOutcomes } from '../../lib/file-import/load/row-outcome.ts';
import type { ImportSummary } from '../../lib/file-import/report/summary.ts';

/** What became of a file, and where to read more. */
export function outcomeText({
  status,
  reason,
  lines,
  counts,
  seconds,
  source,
  results,
  messages,
}: ImportSummary): string {
  const present = rowOutcomes.filter((outcome) => counts[outcome] > 0);
  const counted = present.map((outcome) => `  ${outcome.padEnd(9)} ${counts[outcome]}`);
  const problems = messages
    .slice(0, 5)
    .map(
      ({ outcome, message, count, lines: some }) =>
        `  ${count} x ${outcome}: ${message} (line ${some.join(', ')})`,
    );
  return [
    `${status}: ${lines.rows} rows in ${seconds.total.toFixed(1)} s`,
    ...(reason === undefined ? [] : [`  ${reason}`]),
    ...counted,
    ...problems,
    'Results:',
    ...Object.values(results).map((key) => `  s3://${source.bucket}/${key}`),
    '',
  ].join('\n');
}
