import { SingleBar } from 'cli-progress';
import { countMessages } from '../../lib/aws/sqs.ts';
import { createStateTable } from '../../lib/aws/state-table.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { readConfig } from '../../lib/core/config.ts';
import { type RedriveReport, redrive } from '../../lib/record-queue/redrive.ts';
import { UsageError } from '../command-line.ts';
import { counted } from '../counted.ts';
import { findRecordsQueues, type QueueOptions } from '../queue/records-queues.ts';

/** What the command line says. */
type RedriveCommandOptions = QueueOptions & {
  readonly code?: readonly string[] | undefined;
  readonly dryRun?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly trustedSenders?: readonly string[] | undefined;
};

/**
 * Moves dead letters back and says what it found. Sets the exit code 1 when a letter could not be moved, 130 after Ctrl-C.
 * @throws UsageError when only one of the two queues is named
 */
export async function runRedrive(options: RedriveCommandOptions): Promise<void> {
  const { queueUrl, deadLetterUrl, stateTable: tableName } = await findRecordsQueues(options, process.env);
  if (!deadLetterUrl || !queueUrl) throw new UsageError('--dlq and --queue are needed');
  const { dryRun = false, code: codes, json = false, trustedSenders } = options;
  const stateTable = tableName ? createStateTable(tableName, systemClock, Math.random) : undefined;
  const remembered = stateTable && { stateTable, deployment: readConfig().deployment };
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  const progress = await startProgress(deadLetterUrl);
  const { signal } = stop;
  const onProgress = progress.update;
  const queues = { deadLetterUrl, queueUrl };
  const work = redrive({ ...queues, codes, dryRun, remembered, trustedSenders, onProgress, signal });
  const report = await work.finally(progress.stop);
  process.stdout.write(
    json ? `${toJson(report, dryRun)}\n` : describe(report, dryRun, codes, signal.aborted),
  );
  process.exitCode = signal.aborted ? 130 : report.failures.length === 0 ? 0 : 1;
}

/** A bar on a terminal, nothing elsewhere. */
async function startProgress(deadLetterUrl: string) {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar({ format: '{bar} {value}/{total} letters', gracefulExit: false });
  bar.start(await countMessages(deadLetterUrl), 0);
  return { update: (looked: number) => bar.update(looked), stop: () => bar.stop() };
}

function toJson({ found, moved, returned, failures, unseen }: RedriveReport, dryRun: boolean): string {
  const counts = { found: Object.fromEntries(found), returned: Object.fromEntries(returned) };
  return JSON.stringify({ dryRun, ...counts, moved, failures, unseen });
}

function describe(
  { found, moved, returned, failures, unseen }: RedriveReport,
  dryRun: boolean,
  codes: readonly string[] | undefined,
  isStopped: boolean,
): string {
  const byCode = [...found].map(([code, count]) => `  ${code}: ${count}`);
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  const total = sum([...found.values()]);
  const wanted = sum([...found].map(([code, count]) => (codes?.includes(code) === false ? 0 : count)));
  const outcome = dryRun
    ? `Dry run: nothing was moved; without --dry-run ${wanted} would be.`
    : `${moved} moved back to the queue.`;
  const stopped = isStopped ? ['Stopped: letters that were only looked at are visible again.'] : [];
  const behind =
    unseen > 0
      ? [
          `About ${unseen} more are queued behind the letters that stay; SQS returns them once those are gone.`,
        ]
      : [];
  const again = [...returned].map(
    ([code, count]) => `${count} failed again and ${count === 1 ? 'stays' : 'stay'}: ${code}`,
  );
  const lines = [
    counted(total, 'dead letter'),
    ...byCode,
    ...behind,
    outcome,
    ...again,
    ...failures,
    ...stopped,
  ];
  return `${lines.join('\n')}\n`;
}
