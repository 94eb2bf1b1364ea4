import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { countMessages } from '../lib/aws/sqs.ts';
import { createStateTable } from '../lib/aws/state-table.ts';
import { systemClock } from '../lib/core/clock.ts';
import { readConfig } from '../lib/core/config.ts';
import { type RedriveReport, redrive } from '../lib/record-queue/redrive.ts';
import { runCommand } from './command-line.ts';

const usage = `npm run redrive -- --dlq <URL of the dead-letter queue> --queue <URL of the records queue> [--code CODE,CODE] [--state-table NAME] [--dry-run]

Moves dead letters back to their queue, all of them or by error code. They keep their keys, so that nothing is written twice.
Defaults come from the environment: RECORDS_DLQ_URL, RECORDS_QUEUE_URL and STATE_TABLE. The state table holds the reasons of
letters that were too large to carry them.
`;

/** `npm run redrive`: exits 1 when a letter could not be moved, 2 when a queue URL is missing. */
async function main(): Promise<void> {
  const options = {
    dlq: { type: 'string' },
    queue: { type: 'string' },
    code: { type: 'string' },
    'state-table': { type: 'string' },
    'dry-run': { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ options });
  const config = readConfig();
  const deadLetterUrl = values.dlq ?? config.recordsDlqUrl;
  const queueUrl = values.queue ?? config.recordsQueueUrl;
  if (!deadLetterUrl || !queueUrl) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  const progress = await startProgress(deadLetterUrl);
  const dryRun = values['dry-run'];
  const codes = values.code?.split(',').map((code) => code.trim());
  const tableName = values['state-table'] ?? config.stateTable;
  const stateTable = tableName ? createStateTable(tableName, systemClock, Math.random) : undefined;
  const remembered = stateTable && { stateTable, deployment: config.deployment };
  const onProgress = progress.update;
  const report = await redrive({ deadLetterUrl, queueUrl, codes, dryRun, remembered, onProgress });
  progress.stop();
  process.stdout.write(describe(report, dryRun));
  process.exitCode = report.failures.length === 0 ? 0 : 1;
}

/** A bar on a terminal, nothing elsewhere. */
async function startProgress(deadLetterUrl: string) {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar({ format: '{bar} {value}/{total} letters' });
  bar.start(await countMessages(deadLetterUrl), 0);
  return { update: (looked: number) => bar.update(looked), stop: () => bar.stop() };
}

function describe({ found, moved, returned, failures, unseen }: RedriveReport, dryRun: boolean): string {
  const byCode = [...found].map(([code, count]) => `  ${code}: ${count}`);
  const total = [...found.values()].reduce((sum, count) => sum + count, 0);
  const outcome = dryRun ? 'Dry run: nothing was moved.' : `${moved} moved back to the queue.`;
  const behind =
    unseen > 0
      ? [
          `About ${unseen} more are queued behind the letters that stay; SQS returns them once those are gone.`,
        ]
      : [];
  const again = [...returned].map(([code, count]) => `${count} failed again and stay: ${code}`);
  return `${[`${total} dead letters`, ...byCode, ...behind, outcome, ...again, ...failures].join('\n')}\n`;
}

await runCommand(usage, main);
