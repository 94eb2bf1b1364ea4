import { expect, it } from 'vitest';
import { runCallStorm } from './call-storm.ts';

const seed = Number(process.env['SEED'] ?? 5);

it(`carries out every keyed call once although answers are lost (SEED=${seed})`, async () => {
  const { damages } = await runCallStorm({ calls: 12, seed, longestWaitMs: 180_000 });
  expect(damages, `SEED=${seed}`).toEqual([]);
});
