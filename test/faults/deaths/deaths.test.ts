import { expect, it } from 'vitest';
import { runImportDeaths } from './import-deaths.ts';
import { runQueueDeaths } from './queue-deaths.ts';

const seed = Number(process.env['SEED'] ?? 1);

it(`keeps every message's effect single when writeRecords dies at a call (SEED=${seed})`, async () => {
  const kinds = [
    'create from two senders',
    'updates in a FIFO group',
    'racing upserts',
    'notes in a FIFO group',
  ];
  const { damages, occurred } = await runQueueDeaths({ seed, batchApi: true, kinds, moments: 3 });
  expect(damages, `SEED=${seed}`).toEqual([]);
  expect(occurred['deaths']).toBeGreaterThan(0);
});

it(`brings every row to one true verdict when importCsv dies at a call (SEED=${seed})`, async () => {
  const { damages, occurred } = await runImportDeaths({ seed, kind: 'keyed', moments: 3 });
  expect(damages, `SEED=${seed}`).toEqual([]);
  expect(occurred['deaths']).toBeGreaterThan(0);
});
