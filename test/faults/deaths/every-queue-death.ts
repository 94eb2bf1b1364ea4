import { execFile } from 'node:child_process';
import type { Damage, StormReport } from '../harness/storm-report.ts';

const testFile = 'test/lib/record-queue/interruptions.test.ts';

/**
 * Interrupts the writer in every way at every call that it makes, in each scenario of the test that `npm test` runs a sample of:
 * in one process, so that thousands of deaths take minutes.
 */
export async function runEveryQueueDeath(seed: number): Promise<StormReport> {
  const started = performance.now();
  const { code, text } = await runVitest(seed);
  const counts = [...text.matchAll(/^interrupted (\d+) calls: (.*)$/gm)];
  const occurred: Record<string, number> = { 'calls interrupted': 0 };
  for (const [, count, interruption = ''] of counts) {
    occurred['calls interrupted'] = (occurred['calls interrupted'] ?? 0) + Number(count);
    occurred[interruption] = (occurred[interruption] ?? 0) + Number(count);
  }
  const failed = [...text.matchAll(/^.*FAIL.*$/gm)].map(([line]) => line);
  const reasons = failed.length > 0 ? failed : [text.slice(-2_000)];
  const damages: readonly Damage[] =
    code === 0 ? [] : reasons.map((reason) => ({ kind: 'wrong state', text: reason }));
  return {
    title: `${counts.length} scenarios with every call of writeRecords interrupted`,
    seconds: (performance.now() - started) / 1000,
    occurred,
    damages,
  };
}

function runVitest(seed: number): Promise<{ readonly code: number; readonly text: string }> {
  const args = ['cli/node.js', 'node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', testFile];
  const env = { ...process.env, QUEUE_DEATHS: 'all', SEED: String(seed), NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env, maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), text: stdout + stderr });
    });
  });
}
