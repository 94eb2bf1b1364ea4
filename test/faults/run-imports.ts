import { parseArgs } from 'node:util';
import { startWorld } from '../lib/imports/world.ts';
import { runThroughKills } from './import-kills.ts';
import { findFaults, runStorm } from './import-storm.ts';

/** `npm run test:faults`: long storms over imports, in this process and through killed runtimes; exits 1 when anything is wrong. */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '20000' },
    runs: { type: 'string', default: '6' },
    seed: { type: 'string', default: '1' },
  },
});
const rows = Number(values.rows);
const firstSeed = Number(values.seed);
let broken = 0;

function tell(title: string, wrong: readonly string[]): void {
  if (wrong.length > 0) broken++;
  process.stdout.write(
    `${title}: ${wrong.length === 0 ? 'every line has its one verdict' : wrong.join('; ')}\n`,
  );
}

for (let seed = firstSeed; seed < firstSeed + Number(values.runs); seed++) {
  const world = await startWorld({ demoData: false });
  const options = { seed, rows, keyed: seed % 2 === 1 };
  const report = await runStorm(world, options);
  await world.close();
  tell(`storm, seed ${seed}, ${report.crashes} crashes`, findFaults(report, options));
  const kills = await runThroughKills({ seed, rows, kills: 8, restarts: 2, patienceMs: 60_000 + rows * 20 });
  tell(`kills, seed ${seed}, ${kills.kills} processes`, kills.wrong);
}
process.exitCode = broken === 0 ? 0 : 1;
