import { SingleBar } from 'cli-progress';
import { countMessages } from '../../lib/aws/sqs.ts';
import { createStateTable } from '../../lib/aws/state-table.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { readConfig } from '../../lib/core/config.ts';
import { type RedriveOptions, type RedriveReport, redrive } from '../../lib/record-queue/redrive.ts';
import { UsageError } from '../command-line.ts';
import { counted } from '../counted.ts';
import { findRecordsQueues, type QueueOptions } from '../queue/records-queues.ts';
import { onStop } from '../stop-signals.ts';
import { canMoveCursor } from '../terminal-text.ts';
import { addReports, failedRedrive } from './add-reports.ts';

/** What the command line says. */
type RedriveCommandOptions = QueueOptions & {
  readonly code?: readonly string[] | undefined;
  readonly dryRun?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly trustedSenders?: readonly string[] | undefined;
  readonly wait?: number | undefined;
};

/**
 * Moves dead letters back and says what it found. Sets the exit code 1 when a letter could not be moved, 130 after Ctrl-C.
 * @throws UsageError when only one of the two queues is named
 */
export async function runRedrive(options: RedriveCommandOptions): Promise<void> {
  const { deadLetterQueues, stateTable: tableName } = await findRecordsQueues(options, process.env);
  // Letters of some queues go back to none.
  const queues = deadLetterQueues.filter(({ queueUrl }) => queueUrl !== '');
  if (queues.length === 0) throw new UsageError('--dlq and --queue are needed');
  const { dryRun = false, code: codes, json = false, trustedSenders, wait = defaultWait } = options;
  const stateTable = tableName ? createStateTable(tableName, systemClock, Math.random) : undefined;
  const remembered = stateTable && { stateTable, deployment: readConfig().deployment };
  const stop = new AbortController();
  let stoppedWith = 0;
  onStop((exitCode) => {
    stoppedWith = exitCode;
    stop.abort();
  });
  const { signal } = stop;
  const reports: RedriveReport[] = [];
  for (const { url: deadLetterUrl, queueUrl } of queues) {
    const settings = { codes, dryRun, remembered, trustedSenders, watchSeconds: wait, signal };
    const work = redriveQueue({ deadLetterUrl, queueUrl, ...settings }, queues.length > 1);
    const report = await work.catch((error: unknown) => {
      if (queues.length === 1) throw error;
      return failedRedrive(deadLetterUrl, error);
    });
    reports.push(report);
  }
  const report = addReports(reports);
  process.stdout.write(
    json ? `${toJson(report, dryRun)}\n` : describe(report, dryRun, codes, signal.aborted),
  );
  process.exitCode = signal.aborted ? stoppedWith : report.failures.length === 0 ? 0 : 1;
}

/** @param isEmptySkipped to see that a queue is empty takes seconds */
async function redriveQueue(options: RedriveOptions, isEmptySkipped: boolean): Promise<RedriveReport> {
  const letters = await countMessages(options.deadLetterUrl);
  if (isEmptySkipped && letters === 0) return addReports([]);
  const progress = startProgress(letters);
  return redrive({ ...options, onProgress: progress.update }).finally(progress.stop);
}

/** A queue gathers messages for some seconds before a function gets them, and the instance takes its time. */
const defaultWait = 20;

/** A bar on a terminal, nothing elsewhere. */
function startProgress(letters: number) {
  if (!canMoveCursor(process.stderr)) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar({ format: '{bar} {value}/{total} letters', gracefulExit: false });
  bar.start(letters, 0);
  return { update: (looked: number) => bar.update(looked), stop: () => bar.stop() };
}

function toJson(report: RedriveReport, dryRun: boolean): string {
  const { found, moved, returned, failures, unseen, underWay } = report;
  const counts = { found: Object.fromEntries(found), returned: Object.fromEntries(returned) };
  return JSON.stringify({ dryRun, ...counts, moved, underWay, failures, unseen });
}

function describe(
  { found, moved, returned, failures, unseen, underWay }: RedriveReport,
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
  const waiting =
    underWay > 0
      ? [`The queue still holds ${counted(underWay, 'message')}: what comes of them is not known yet.`]
      : [];
  const lines = [
    counted(total, 'dead letter'),
    ...byCode,
    ...behind,
    outcome,
    ...again,
    ...waiting,
    ...failures,
    ...stopped,
  ];
  return `${lines.join('\n')}\n`;
}
