import { describe, expect, it } from 'vitest';
import { importModes, runEveryImportDeath } from './deaths/every-import-death.ts';

/** Every death in every mode: IMPORT_DEATHS=all, or npm run test:faults -- --only import-deaths */
const isExhaustive = process.env['IMPORT_DEATHS'] === 'all';
const sampledDeaths = 6;
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

describe.each(Object.keys(importModes))('an import by %s', (mode) => {
  it(`loses no row, doubles none and gives each its true verdict, wherever its process dies (seed ${seed})`, async () => {
    const moments = isExhaustive ? {} : { moments: sampledDeaths };
    const { damages, occurred } = await runEveryImportDeath({ seed, mode, ...moments });
    expect(damages).toEqual([]);
    expect(occurred['deaths']).toBeGreaterThanOrEqual(isExhaustive ? 40 : sampledDeaths);
  }, 900_000);
});
