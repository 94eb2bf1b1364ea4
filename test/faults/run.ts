import { parseArgs } from 'node:util';
import { runRecordStorm } from './record-storm.ts';

/** `npm run test:faults -- --messages 20000 --seed 7`: one long storm over the records queue; exits 1 when anything is wrong. */
const { values } = parseArgs({
  options: { messages: { type: 'string', default: '2000' }, seed: { type: 'string', default: '1' } },
});
const messages = Number(values.messages);
const seed = Number(values.seed);

process.stdout.write(`Storm of ${messages} messages, seed ${seed}\n`);
const report = await runRecordStorm({
  messages,
  seed,
  patienceMs: 60_000 + messages * 60,
  onProgress: (left) => process.stdout.write(`  ${left} messages left\n`),
});
const { sent, kills, requests, seconds, wrong } = report;
process.stdout.write(`${sent} sent, ${kills} kills, ${requests} requests, ${seconds.toFixed(1)} s\n`);
process.stdout.write(wrong.length === 0 ? 'Every effect exactly once.\n' : `${wrong.join('\n')}\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;
