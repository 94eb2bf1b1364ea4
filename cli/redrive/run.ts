import { SingleBar } from 'cli-progress';
import { countMessages } from '../../lib/aws/sqs.ts';
import { createStateTable } from '../../lib/aws/state-table.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { readConfig } from '../../lib/core/config.ts';
import { type RedriveReport, redrive } from '../../lib/record-queue/redrive.ts';
import { UsageError } from '../command-line.ts';

/** What the command line says. */
type RedriveCommandOptions = {
  readonly dlq?: string | undefined;
  readonly queue?: string | undefined;
  readonly code?: readonly string[] | undefined;
  readonly stateTable?: string | undefined;
  readonly dryRun?: boolean | undefined;
};

/**
 * Moves dead letters back and says what it found. Sets the exit code 1 when a letter could not be moved.
 * @throws UsageError without a queue
 */
export async function runRedrive(options: RedriveCommandOptions): Promise<void> {
  const config = readConfig();
  const deadLetterUrl = options.dlq ?? config.recordsDlqUrl;
  const queueUrl = options.queue ?? config.recordsQueueUrl;
  if (!deadLetterUrl || !queueUrl) throw new UsageError('--dlq <url> and --queue <url> are needed');
  const progress = await startProgress(deadLetterUrl);
  const { dryRun = false, code: codes } = options;
  const tableName = options.stateTable ?? config.stateTable;
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
