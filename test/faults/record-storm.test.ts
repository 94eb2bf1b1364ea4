import { expect, it } from 'vitest';
import { runRecordStorm } from './record-storm.ts';

/** The long form: npm run test:faults -- --messages 20000 --seed 7 */
const seed = Number(process.env['SEED'] ?? 1);

it(`gives every message exactly one effect, whatever breaks (SEED=${seed})`, {
  timeout: 120_000,
}, async () => {
  const report = await runRecordStorm({ messages: 300, seed, patienceMs: 60_000 });
  expect(report.wrong).toEqual([]);
  expect(report.kills).toBeGreaterThan(0);
});
