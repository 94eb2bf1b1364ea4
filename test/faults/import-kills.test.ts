import { expect, it } from 'vitest';
import { runThroughKills } from './import-kills.ts';

const seed = Number(process.env['SEED'] ?? 1);

it(`brings every line to one verdict though the function and the runner are killed (SEED=${seed})`, async () => {
  const report = await runThroughKills({ seed, rows: 1_500, kills: 2, restarts: 1, longestWaitMs: 300_000 });
  expect(report.wrong).toEqual([]);
  expect(report.kills).toBeGreaterThan(0);
});
