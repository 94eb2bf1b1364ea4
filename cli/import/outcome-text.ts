import { rowOutcomes } from '../../lib/file-import/load/row-outcome.ts';
import type { ImportSummary } from '../../lib/file-import/report/summary.ts';

/** The outcome of an import, and addresses to open. @param endpoint of an S3 elsewhere than AWS */
export function outcomeText(
  { status, reason, lines, counts, seconds, source, results, messages }: ImportSummary,
  endpoint?: string,
): string {
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
    ...Object.entries(results).map(
      ([name, key]) => `  ${name.padEnd(9)} ${addressOf(source.bucket, key, endpoint)}`,
    ),
    '',
  ].join('\n');
}

/** An address that a browser opens: on AWS after a sign-in to the console, else as it is. */
function addressOf(bucket: string, key: string, endpoint: string | undefined): string {
  if (endpoint === undefined)
    return `https://console.aws.amazon.com/s3/object/${bucket}?prefix=${encodeURIComponent(key)}`;
  return `${endpoint}/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}
