import { expect, it } from 'vitest';
import { runEventStorm } from './event-storm.ts';

const seed = Number(process.env['SEED'] ?? 5);

it(`opens at most one incident for each alarm and ends in the right state, whatever breaks (SEED=${seed})`, async () => {
  const { damages } = await runEventStorm({ events: 150, keys: 12, seed, longestWaitMs: 200_000 });
  expect(damages, `SEED=${seed}`).toEqual([]);
});
