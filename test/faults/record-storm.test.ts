import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { runRecordStorm } from './record-storm.ts';

/** Another one each time; `SEED=… npx vitest run test/faults/record-storm.test.ts` repeats one. */
const seed = Number(process.env['SEED'] ?? randomInt(1_000_000));

it(`gives every one of 2,000 messages exactly one effect, whatever breaks (SEED=${seed})`, {
  timeout: 200_000,
}, async () => {
  const { wrong, struck } = await runRecordStorm({ messages: 2_000, seed, patienceMs: 150_000 });
  expect(wrong, `SEED=${seed}`).toEqual([]);
  const calm = Object.entries(struck).filter(([, count]) => count === 0);
  expect(calm, `SEED=${seed}: what never struck`).toEqual([]);
});
