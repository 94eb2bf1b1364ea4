import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { startWorld } from '../lib/file-import/world.ts';
import { runThroughKills } from './import-kills.ts';
import { findFaults, runStorm } from './import-storm.ts';
import { runRecordStorm } from './record-storm.ts';

/**
 * `npm run test:faults -- --messages 20000 --rows 20000 --seed 7`: storms over the records queue and over imports, in runtime
 * processes that are killed; 0 leaves one of them out. Exits 1 when anything is wrong. Without a seed it takes another one
 * each time, and prints it.
 */
const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '2000' },
    rows: { type: 'string', default: '3000' },
    seed: { type: 'string', default: String(randomInt(1_000_000)) },
  },
});
const messages = Number(values.messages);
const rows = Number(values.rows);
const seed = Number(values.seed);

function tell(title: string, wrong: readonly string[]): void {
  if (wrong.length > 0) process.exitCode = 1;
  const verdict = wrong.length === 0 ? 'all as it should be, once each' : wrong.join('\n  ');
  process.stdout.write(`${title}: ${verdict}\n`);
}

async function stormRecords(): Promise<void> {
  const patienceMs = 60_000 + messages * 60;
  const { sent, requests, seconds, struck, wrong } = await runRecordStorm({ messages, seed, patienceMs });
  const troubles = Object.entries(struck).map(([name, count]) => `${count} × ${name}`);
  process.stdout.write(`  ${troubles.join(', ')}\n`);
  tell(`${sent} messages in ${requests} requests and ${seconds.toFixed(1)} s`, wrong);
}

async function stormImports(keyed: boolean, single: boolean): Promise<void> {
  const options = { seed, rows, keyed, single };
  const world = await startWorld({ demoData: false });
  try {
    const report = await runStorm(world, options);
    const way = single ? 'single rows' : 'rows';
    const title = `${rows} ${way} ${keyed ? 'with' : 'without'} a key, ${report.crashes} crashes`;
    tell(title, findFaults(report, options));
  } finally {
    await world.close();
  }
}

async function killImports(): Promise<void> {
  const patienceMs = 60_000 + rows * 20;
  const { kills, wrong } = await runThroughKills({ seed, rows, kills: 8, restarts: 2, patienceMs });
  tell(`${rows} rows through ${kills} killed processes`, wrong);
}

process.stdout.write(`Storms with seed ${seed}\n`);
if (messages > 0) await stormRecords();
if (rows > 0) {
  for (const single of [false, true]) for (const keyed of [true, false]) await stormImports(keyed, single);
  await killImports();
}
