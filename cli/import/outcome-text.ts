import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { rowOutcomes } from '../../lib/file-import/load/row-outcome.ts';
import type { ImportSummary } from '../../lib/file-import/report/summary.ts';
import { counted } from '../counted.ts';
import { plain } from '../terminal-text.ts';

/** The outcome of an import, and addresses to open. @param endpoint of an S3 elsewhere than AWS */
export async function outcomeText(
  { status, reason, lines, counts, seconds, source, results, messages }: ImportSummary,
  s3: S3Client,
  endpoint?: string,
): Promise<string> {
  const present = rowOutcomes.filter((outcome) => counts[outcome] > 0);
  const tally = present.map((outcome) => `  ${outcome.padEnd(9)} ${counts[outcome]}`);
  const problems = messages
    .slice(0, 5)
    .map(
      ({ outcome, message, count, lines: some }) =>
        `  ${count} x ${outcome}: ${message} (line ${some.join(', ')})`,
    );
  const addresses = Object.entries(results).map(
    async ([name, key]) => `  ${name.padEnd(9)} ${await openableAddress(s3, source.bucket, key, endpoint)}`,
  );
  return [
    `${status}: ${counted(lines.rows, 'row')} in ${seconds.total.toFixed(1)} s`,
    ...(reason === undefined ? [] : [`  ${reason}`]),
    ...tally,
    ...problems,
    endpoint === undefined ? 'Results (the links work for an hour):' : 'Results:',
    ...(await Promise.all(addresses)),
    '',
  ]
    .map(plain)
    .join('\n');
}

/** An address of an object that a browser opens: on AWS presigned for an hour, elsewhere as it is. */
export async function openableAddress(
  s3: S3Client,
  bucket: string,
  key: string,
  endpoint: string | undefined,
): Promise<string> {
  if (endpoint === undefined)
    return getSignedUrl(s3, new GetObjectCommand({ Bucket: bucket, Key: key }), { expiresIn: 3_600 });
  return `${endpoint}/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}
