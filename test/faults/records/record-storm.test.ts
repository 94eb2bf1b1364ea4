import { expect, it } from 'vitest';
import { runRecordStorm } from './record-storm.ts';

const seed = Number(process.env['SEED'] ?? 22);

it(`gives every message exactly one effect and no false dead letter, whatever breaks (SEED=${seed})`, async () => {
  const { damages } = await runRecordStorm({ messages: 60, seed, longestWaitMs: 400_000 });
  expect(damages, `SEED=${seed}`).toEqual([]);
});
