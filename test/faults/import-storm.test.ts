import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, type World } from '../lib/file-import/world.ts';
import { findFaults, runStorm } from './import-storm.ts';

/** Long form: FAULT_RUNS=50 FAULT_ROWS=20000, or npm run test:faults -- --rows 20000 */
const firstSeed = Number(process.env['SEED'] ?? 1);
const runs = Number(process.env['FAULT_RUNS'] ?? 4);
const rows = Number(process.env['FAULT_ROWS'] ?? 1_000);

let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

describe('an import in a storm of resets, throttling, sleep and deaths of the process', () => {
  const seeds = Array.from({ length: runs }, (_, i) => firstSeed + i);

  it.each(seeds)('gives every line one verdict and stores no keyed row twice (SEED=%i)', async (seed) => {
    const options = { seed, rows, keyed: seed % 2 === 1 };
    const report = await runStorm(world, options);
    expect(findFaults(report, options)).toEqual([]);
  });
});
