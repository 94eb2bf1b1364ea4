import { listObjects, readText } from '../../../lib/aws/s3.ts';
import type { ImportSummary } from '../../../lib/file-import/report/summary.ts';
import type { FaultStack } from '../harness/fault-stack.ts';
import type { Drop, DropResult } from './import-judge.ts';

/** What has been reported of a drop: one result, or none yet; more are a defect. */
export async function findResults(
  stack: FaultStack,
  drop: Pick<Drop, 'key' | 'versionId'>,
): Promise<DropResult[]> {
  const { s3 } = stack;
  const { bucket } = stack.stack.endpoints.s3;
  const folder = drop.key.replace(/^imports\//, 'results/').replace(/\.csv$/, '/');
  const found: DropResult[] = [];
  for await (const { key } of listObjects(s3, bucket, folder)) {
    if (!key.endsWith('/summary.json')) continue;
    const summary: ImportSummary = JSON.parse((await readText(s3, { bucket, key }))?.text ?? 'null');
    if (summary.source.versionId !== drop.versionId) continue;
    const listed = summary.results['results'];
    const text = listed && (await readText(s3, { bucket, key: listed }))?.text;
    found.push({ summary, verdicts: text ? readVerdicts(text) : [] });
  }
  return found;
}

/** Line and outcome of each row of results.csv, and what stands behind them. */
export function readVerdicts(text: string): DropResult['verdicts'] {
  const lines = text.trimEnd().split('\r\n').slice(1);
  return lines.filter(Boolean).map((line) => {
    const [number, outcome = '', ...rest] = line.split(',');
    return [Number(number), outcome, rest.join()];
  });
}
