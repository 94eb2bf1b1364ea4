import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { UsageError } from '../command-line.ts';
import { explainError } from '../explain-error.ts';
import { findRecordsQueues, type QueueOptions } from '../queue/records-queues.ts';
import { onStop } from '../stop-signals.ts';
import { canMoveCursor, wrapped } from '../terminal-text.ts';
import { describeStatus } from './describe-status.ts';
import { openStatus, type Status } from './read-status.ts';

type StatusOptions = QueueOptions & {
  readonly bucket?: string | undefined;
  readonly watch?: boolean | undefined;
  readonly json?: boolean | undefined;
};

const watchMs = 2_000;

/**
 * Prints how a deployment is, once or until Ctrl-C.
 * @throws UsageError for options that exclude each other
 */
export async function runStatus(options: StatusOptions): Promise<void> {
  if (options.stack !== undefined && options.bucket !== undefined)
    throw new UsageError('--stack cannot be given together with --bucket');
  if (options.stackName !== undefined && options.bucket !== undefined)
    throw new UsageError('--stack-name cannot be given together with --bucket');
  const queues = await findRecordsQueues(options, process.env);
  const bucket = options.bucket ?? queues.importBucket ?? process.env['IMPORT_BUCKET'];
  const source = openStatus({ ...queues, importBucket: bucket });
  const show = printer(process.stdout, options.watch === true);
  const print = options.json ? printJson : (status: Status) => show(describeStatus(status));
  const sayUnread = (reason: string) => {
    const line = `${new Date().toISOString().slice(11, 19)} UTC, not read: ${reason}`;
    if (options.json) process.stderr.write(`${line}\n`);
    else show([line]);
  };
  try {
    if (!options.watch) return print(await source.read());
    let wasRead = false;
    await untilStopped(async () => {
      try {
        print(await source.read());
        wasRead = true;
      } catch (error) {
        // What cannot be read the first time is not there. Later it may come back.
        if (!wasRead) throw error;
        sayUnread(explainError(error));
      }
    });
    // The terminal has shown ^C.
    if (process.stdout.isTTY) process.stdout.write('\n');
    // What is being read is not waited for.
    process.exit();
  } finally {
    source.close();
  }
}

/** Repeats it until the first Ctrl-C, SIGTERM or end of the terminal. */
async function untilStopped(show: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const stopped = once(stop.signal, 'abort');
  const off = onStop(() => stop.abort());
  try {
    while (!stop.signal.aborted) {
      await Promise.race([show(), stopped]);
      await delay(watchMs, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  } finally {
    off();
  }
}

function printJson(status: Status): void {
  process.stdout.write(`${JSON.stringify(status)}\n`);
}

/**
 * Prints over what it printed before on a terminal, and below it elsewhere. Between two prints the cursor is at the beginning of an
 * empty line, and no mode of the terminal is changed: a command that ends at any time leaves it whole.
 */
function printer(output: NodeJS.WriteStream, isRepeated: boolean): (text: readonly string[]) => void {
  let lines = 0;
  return (text) => {
    // What is printed once is printed whole.
    if (!isRepeated || !canMoveCursor(output)) {
      output.write(`${text.join('\n')}\n`);
      return;
    }
    // A terminal that does not know its size says 0.
    const [rows, columns] = [output.rows || 24, output.columns || 80];
    // A line that wraps, or the one that scrolls, could not be printed over.
    const shown = text.flatMap((line) => wrapped(line, columns - 1)).slice(0, rows - 1);
    const back = lines === 0 ? '' : `\u001b[${lines}A\r\u001b[J`;
    output.write(`${back}${shown.join('\n')}\n`);
    lines = shown.length;
  };
}
