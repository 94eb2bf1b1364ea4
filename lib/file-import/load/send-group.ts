import { ConnectorError, InvalidInputError } from '../../core/errors.ts';
import type { Chunk } from '../encode/chunk.ts';
import type { ChunkReader } from '../encode/chunk-reader.ts';
import type { ImportFolder } from '../folder.ts';
import type { ImportScope } from '../instance.ts';
import type { ImportPlan, Position } from '../plan/import-plan.ts';
import type { ImportSettings } from '../plan/settings.ts';
import { RetryLaterError } from '../retry-later-error.ts';
import { deliverChunk } from './deliver.ts';
import type { OpenReader } from './file-reader.ts';
import type { GroupLedger } from './group-ledger.ts';
import type { ClosedLedgers, EarlierGroupSets, SentChunk } from './ledger.ts';
import type { Reconciliation } from './reconcile.ts';
import { lastClosedSet } from './reconcile-by-sets.ts';

/** One checkpointed piece of the load. */
export type LoadGroup = {
  readonly group: number;
  readonly from: Position;
  /** False once the import has stopped: rows are then only read, to be listed as not sent. */
  readonly sending: boolean;
  /** True when the instance is asked nothing more: what may have been sent then stays unknown. */
  readonly isAbandoned: boolean;
  /** The next group may be opened early. Not where another execution goes on: it would take the group for interrupted. */
  readonly continuesHere: boolean;
  /** The group ends as soon as more of its rows than this were rejected, or failed by the answers to their own requests. */
  readonly mayFail: number;
  /** Import sets that were there before the group began. */
  readonly setsBefore: () => Promise<EarlierGroupSets>;
};

/** What loading works with. */
export type LoadDeps = {
  readonly scope: ImportScope;
  readonly plan: ImportPlan;
  readonly folder: ImportFolder;
  readonly reader: OpenReader;
  readonly closed: ClosedLedgers;
  /** Called as rows are done, to show progress. */
  readonly onProgress?: (done: { readonly rows: number; readonly byte: number }) => void;
};

/**
 * So many rows and requests make a group: few operations for a long file, little to reconcile after a crash. Of 80,000 rows the
 * part of `results.csv` is large enough, as a rule, for S3 to copy it by itself in the end.
 */
const groupLimits = { rows: 80_000, chunks: 400 };

/** In `rows` mode the ledger of a group holds the verdict of each row, and without keys it is stored before every batch. */
const rowsModeLimit = 4_000;

/** The first groups are small, so that a file that is wrong throughout is found out early; together they are one of the others. */
const firstGroupsChunks = [10, 20, 40, 80, 250];

/** How many they are. */
export const smallGroups = firstGroupsChunks.length;

/** True once a group has so many requests and rows that it ends. */
export function endsGroup(
  { mode }: Pick<ImportSettings, 'mode'>,
  group: number,
  chunks: number,
  rows: number,
): boolean {
  const most = mode === 'rows' ? rowsModeLimit : groupLimits.rows;
  return chunks >= (firstGroupsChunks[group] ?? groupLimits.chunks) || rows >= most;
}

/** A group under way. */
export type Sending = {
  readonly task: LoadGroup;
  readonly ledger: GroupLedger;
  readonly reader: ChunkReader;
  /** Present when chunks of which nothing is certain have to be reconciled. */
  readonly reconciliation: Reconciliation | undefined;
  /** In ordered loads: the import set before the group. */
  readonly lastSet: string | undefined;
};

/** A group ends early when so much is left of the invocation. */
const spareMs = 30_000;

/**
 * Sends the chunks of a group, some at once; the ledger records the result of each.
 * @throws the first error of a chunk, once all that are under way have ended
 */
export async function sendChunks(tools: LoadDeps, sending: Sending): Promise<void> {
  const { task, ledger, reader } = sending;
  const running = new Set<Promise<void>>();
  const slots = slotsOf(tools);
  let failure: unknown;
  try {
    // A group that was begun goes as far as it came, chunks that were under way included: an earlier release made them longer.
    const goesOn = (index: number, rows: number) =>
      index < ledger.heldAtFirst ||
      !endsGroup(tools.plan.settings, task.group, index, rows) ||
      (ledger.mayHaveSent(index) && !endsGroup({ mode: 'insertMultiple' }, task.group, index, rows));
    for (let index = 0, rows = 0; goesOn(index, rows); index++) {
      if (failure !== undefined || endsEarly(tools, sending, index)) break;
      const chunk = await nextChunk(sending, index);
      ledger.next = chunk?.next ?? reader.position;
      if (!chunk) break;
      rows += chunk.rows;
      const work = oneChunk(tools, sending, index, chunk)
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => running.delete(work));
      running.add(work);
      if (running.size >= slots) await Promise.race(running);
    }
  } finally {
    await Promise.all(running);
  }
  if (failure !== undefined) throw failure;
}

/** @throws InvalidInputError for a file that cannot be read on: what was read of the chunk is then left */
async function nextChunk({ ledger, reader }: Sending, index: number): Promise<Chunk | undefined> {
  try {
    return await reader.next();
  } catch (error) {
    const rest = error instanceof InvalidInputError ? reader.takeRest() : undefined;
    if (rest && !ledger.has(index)) ledger.set(index, leftChunk(ledger, index, rest));
    throw error;
  }
}

function slotsOf({ plan }: LoadDeps): number {
  return plan.settings.ordered ? 1 : plan.settings.concurrency;
}

/**
 * A group may stop short of its limits when the instance refuses or the invocation ends. Not one that was interrupted
 * before: some chunk further on may have been sent, and is to be reconciled in this group. Where as many answers as are
 * under way at once were lost in a row, the instance is down, and what is sent on is lost too; in an ordered load the
 * first one has to be reconciled before anything may follow it.
 */
function endsEarly(
  tools: LoadDeps,
  { task, ledger, reader, reconciliation }: Sending,
  index: number,
): boolean {
  const timeIsUp = index > 0 && tools.scope.deadline.passed(spareMs);
  if (reconciliation && timeIsUp) throw new RetryLaterError('the invocation ends', 1);
  if (!task.isAbandoned && ledger.lostInARow >= slotsOf(tools)) return true;
  const tooManyFailures = task.sending && reader.rejectedCount + ledger.failedCount > task.mayFail;
  return !reconciliation && (timeIsUp || ledger.refused || tooManyFailures);
}

async function oneChunk(tools: LoadDeps, sending: Sending, index: number, chunk: Chunk): Promise<void> {
  const { ledger } = sending;
  if (sending.task.isAbandoned) {
    if (!ledger.has(index)) ledger.set(index, leftChunk(ledger, index, chunk));
  } else if (!ledger.has(index)) {
    const isSending = sending.task.sending && !ledger.refused;
    if (isSending) await ledger.announce(index);
    const { record, failure } = await deliver(tools, sending, index, chunk);
    ledger.set(index, record);
    if (failure !== undefined) throw failure;
  }
  tools.onProgress?.({ rows: chunk.rows, byte: chunk.next.byte });
}

async function deliver(
  tools: LoadDeps,
  { task, ledger, reconciliation, lastSet }: Sending,
  index: number,
  chunk: Chunk,
) {
  try {
    return await deliverChunk(tools, {
      chunk,
      index,
      sending: task.sending && !ledger.refused,
      reconciliation: ledger.mayHaveSent(index) ? reconciliation : undefined,
      possiblySent: ledger.possiblySentLines(index),
      before: ledger.get(index),
      announce: ledger.notesRows ? (known) => ledger.announceRows(index, known) : undefined,
      runAfter: await setBefore(tools, ledger, reconciliation !== undefined, lastSet),
    });
  } catch (error) {
    // Ours say that nothing was sent; after anything else it is not known.
    if (!(error instanceof ConnectorError)) ledger.set(index, lostChunk(chunk, ledger.get(index)));
    throw error;
  }
}

/** In ordered loads: the import set that the next one is to follow. */
async function setBefore(
  { scope, plan }: LoadDeps,
  ledger: GroupLedger,
  isReconciling: boolean,
  lastSet: string | undefined,
): Promise<string | undefined> {
  if (!plan.settings.ordered) return undefined;
  const sets = ledger.sets();
  const last = isReconciling && sets.length > 0 ? await lastClosedSet(scope, sets) : sets.at(-1);
  return last ?? lastSet;
}

function lostChunk({ lines, rows }: Chunk, before: SentChunk | undefined): SentChunk {
  const known = {
    sets: before?.sets ?? [],
    ...(before?.setLines && { setLines: before.setLines }),
    ...(before?.verdicts && { verdicts: before.verdicts }),
  };
  return { lines: [...lines], rows, ...known, state: 'lost' };
}

/** A chunk that is not looked up any more: lines that may have been sent are unknown, the others were not sent. */
function leftChunk(ledger: GroupLedger, index: number, { lines, rows }: Chunk): SentChunk {
  const before = { sets: [], ...ledger.get(index), lines: [...lines], rows };
  if (ledger.possiblySentLines(index) !== undefined) return { ...before, state: 'not-sent' };
  return { ...before, state: ledger.mayHaveSent(index) ? 'unknown' : 'not-sent' };
}
