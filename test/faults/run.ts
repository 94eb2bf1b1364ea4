import { type Arguments, type Part, parseArguments, UsageError, usage } from './arguments.ts';
import { runCallStorm } from './calls/call-storm.ts';
import { importModes, runEveryImportDeath } from './deaths/every-import-death.ts';
import { runEveryQueueDeath } from './deaths/every-queue-death.ts';
import { runImportDeaths } from './deaths/import-deaths.ts';
import { runQueueDeaths } from './deaths/queue-deaths.ts';
import { runEventStorm } from './events/event-storm.ts';
import { describeReport, isClean, type StormReport, tallyOf } from './harness/storm-report.ts';
import { runImportStorm } from './imports/import-storm.ts';
import { runRecordStorm } from './records/record-storm.ts';

/**
 * `npm run test:faults -- --messages 20000 --rows 20000 --seed 7`: storms over the records queue and over imports, in runtime
 * processes that are killed. `--seeds 10` makes ten of each. Exits 1 when anything is wrong or never occurred, 2 when the
 * command line cannot be read.
 */
async function main(): Promise<void> {
  const options = parseArguments(process.argv.slice(2));
  const reports: StormReport[] = [];
  for (const seed of options.seeds)
    for (const part of options.parts)
      for (const storm of stormsOf(part, options, seed)) reports.push(await run(storm, seed, options));
  if (reports.length < 2) return;
  const seconds = reports.reduce((sum, report) => sum + report.seconds, 0);
  const damages = reports.flatMap((report) => report.damages);
  process.stdout.write(`All of ${reports.length} storms, ${seconds.toFixed(0)} s: ${tallyOf(damages)}\n`);
}

const dyingImports = [
  'keyed',
  'keyless',
  'ordered, keyed',
  'several executions',
  'row by row, keyed',
  'row by row, keyless',
];

type Storm = () => Promise<StormReport>;

function stormsOf(
  part: Part,
  { messages, rows, events, keys, stories }: Arguments,
  seed: number,
): readonly Storm[] {
  switch (part) {
    case 'records':
      return messages > 0
        ? [() => runRecordStorm({ messages, seed, stories, longestWaitMs: 240_000 + messages * 60 })]
        : [];
    case 'imports':
      return rows > 0 ? [() => runImportStorm({ rows, seed, longestWaitMs: 240_000 + rows * 20 })] : [];
    case 'events':
      return events > 0
        ? [() => runEventStorm({ events, keys, seed, longestWaitMs: 240_000 + events * 60 })]
        : [];
    case 'deaths':
      return [
        ...(messages > 0 ? [true, false].map((batchApi) => () => runQueueDeaths({ seed, batchApi })) : []),
        ...(rows > 0 ? dyingImports.map((kind) => () => runImportDeaths({ seed, kind })) : []),
      ];
    case 'import-deaths':
      return rows > 0
        ? Object.keys(importModes).map((mode) => () => runEveryImportDeath({ seed, mode }))
        : [];
    case 'queue-deaths':
      return messages > 0 ? [() => runEveryQueueDeath(seed)] : [];
    case 'calls':
      return messages > 0
        ? [() => runCallStorm({ calls: Math.ceil(messages / 10), seed, longestWaitMs: 120_000 })]
        : [];
  }
}

async function run(storm: Storm, seed: number, { verbose }: Arguments): Promise<StormReport> {
  const report = await storm();
  if (!isClean(report)) process.exitCode = 1;
  process.stdout.write(`seed ${seed}: ${describeReport(report, { withOccurrences: verbose })}\n`);
  return report;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n${usage}\n`);
  process.exitCode = 2;
}
// Node 24 may spin for ever in the clean-up of handles when it ends by itself after a storm.
process.stdout.write('', () => process.exit());
