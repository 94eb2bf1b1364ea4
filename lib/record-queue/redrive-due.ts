import type { StateTable } from '../aws/state-table.ts';
import type { Deadline } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { passingCodes, redrive } from './redrive.ts';

type LetterQueue = { readonly queueUrl: string; readonly deadLetterUrl: string };

/** The records queues with their dead letters, and what is known of their messages. */
export type DueLetters = {
  readonly standard: LetterQueue;
  /** Absent where the deployment has no FIFO records queue. */
  readonly fifo: LetterQueue | undefined;
  readonly remembered: { readonly stateTable: StateTable; readonly deployment: string };
  readonly trustedSenders: readonly string[];
};

/** Letters by what was done with them. `returned` counts those that failed again meanwhile, by code. */
export type RedrivenQueue = {
  readonly moved: number;
  readonly kept: number;
  readonly returned: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
};

/**
 * Moves letters back whose reason passes by itself, for as long as the invocation has time.
 * @throws what SQS answers when a queue cannot be read; what the state table throws
 */
export async function redriveDue(
  { standard, fifo, ...known }: DueLetters,
  deadline: Deadline,
  log: Log,
): Promise<{ readonly standard: RedrivenQueue; readonly fifo?: RedrivenQueue }> {
  const move = (queue: LetterQueue, share: number) => {
    const leftMs = Math.max(0, Math.floor(deadline.remainingMs() * share));
    return moveBack({ ...queue, ...known, signal: AbortSignal.timeout(leftMs) });
  };
  // However many letters the first queue has, the second has its time.
  const first = await move(standard, fifo ? 0.5 : 1);
  const second = fifo && (await move(fifo, 1));
  for (const reason of [...first.failures, ...(second?.failures ?? [])])
    log.error('redrive-failed', { reason });
  log.info('redriven', { moved: first.moved + (second?.moved ?? 0), kept: first.kept + (second?.kept ?? 0) });
  return { standard: first, ...(second && { fifo: second }) };
}

async function moveBack(
  options: Omit<Parameters<typeof redrive>[0], 'codes' | 'dryRun'>,
): Promise<RedrivenQueue> {
  const report = await redrive({ ...options, codes: passingCodes, dryRun: false });
  const found = [...report.found.values()].reduce((sum, letters) => sum + letters, 0);
  const { moved, returned, failures } = report;
  return { moved, kept: found - moved, returned: Object.fromEntries(returned), failures };
}
