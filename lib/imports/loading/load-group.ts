import { InvalidInputError } from '../../core/errors.ts';
import type { ImportScope } from '../import-scope.ts';
import type { ImportPlan } from '../plan.ts';
import type { Position } from '../reading/byte-window.ts';
import { RetryLaterError } from '../retry-later-error.ts';
import { groupName, type ImportFolder } from '../work-folder.ts';
import type { Chunk, RejectedRow } from './chunk.ts';
import type { ChunkReader } from './chunk-reader.ts';
import { deliverChunk } from './deliver-chunk.ts';
import { GroupLedger } from './group-ledger.ts';
import { readLedger, type SentChunk } from './ledger.ts';
import type { OpenReader } from './open-reader.ts';
import { unclaimedSets } from './settle-by-sets.ts';
import type { Settling } from './settle-chunk.ts';

/** One checkpointed piece of the load. */
export type LoadGroup = {
  readonly group: number;
  readonly from: Position;
  /** False once the import has stopped: rows are then only read, to be listed as not sent. */
  readonly sending: boolean;
  /** The next group may be opened early. Not where another execution goes on: it would take the group for broken off. */
  readonly isFollowed: boolean;
  /** The group ends as soon as it rejected more rows than this. */
  readonly mayReject: number;
  /** Import sets that earlier groups claimed. */
  readonly claimedBefore: () => Promise<ReadonlySet<string>>;
};

/** What a group came to, small enough for a checkpoint. */
export type GroupOutcome = {
  readonly next: Position;
  readonly ended: boolean;
  readonly rows: number;
  readonly rejected: number;
  readonly blankLines: number;
  readonly unknown: number;
  readonly notSent: number;
  /** Why the instance refuses the rows of this import; nothing more is to be sent then. */
  readonly refused?: string;
  /** Why the file cannot be read on. */
  readonly broken?: string;
  /** First line, last line and import set of each chunk. */
  readonly chunks: readonly (readonly [firstLine: number, lastLine: number, importSet: string])[];
};

export type LoadTools = {
  readonly scope: ImportScope;
  readonly plan: ImportPlan;
  readonly folder: ImportFolder;
  readonly reader: OpenReader;
  /** Told as rows are done, to show progress. */
  readonly onProgress?: (done: { readonly rows: number; readonly byte: number }) => void;
};

/** So many rows and requests make a group: few operations for a long file, little to settle after a crash. */
const groupLimits = { rows: 40_000, chunks: 200 };
/** The first groups are small, so that a file that is wrong throughout is found out early: 10 requests, 20, 40, … */
const firstGroupChunks = 10;

function chunksOf(group: number): number {
  return Math.min(groupLimits.chunks, firstGroupChunks * 2 ** Math.min(group, 10));
}
/** A group ends early when so much is left of the invocation, */
const spareMs = 30_000;
/** none begins with less than this, */
const leastMs = 60_000;
/** and none is prepared with less than this: it is certain then to begin. */
const prepareMs = 120_000;

/**
 * Sends the next group of chunks, `concurrency` at once. Run a second time, it sends only what the instance does not
 * have: chunks in the ledger are certain, all others are settled first, after the time in which the instance may
 * still be storing them.
 * @throws RetryLaterError while answers are lost that cannot be settled yet
 * @throws ServiceNowError, InvalidInputError (the file), S3ServiceException
 */
export async function loadGroup(tools: LoadTools, task: LoadGroup): Promise<GroupOutcome> {
  if (tools.scope.deadline.passed(leastMs)) throw new RetryLaterError('the invocation ends', 1);
  const isPrepared = tools.reader.isPreparedFor(task.group, task.from);
  const before = isPrepared ? undefined : await readLedger(tools.folder, task.group);
  if (before?.next) return outcomeOf(before);
  const ledger = new GroupLedger(tools.folder, task.group, task.from, tools.scope.clock, before);
  const settling = before === undefined ? undefined : await prepareSettling(tools, task, ledger);
  if (!isPrepared) await ledger.write();
  const reader = tools.reader.at(task.from, before === undefined);
  let broken: string | undefined;
  try {
    await sendChunks(tools, task, ledger, reader, settling);
  } catch (error) {
    ledger.lose();
    await tools.reader.drop();
    await ledger.write();
    // A file that is damaged or gone stays so: what was read of it is kept and the import stops.
    if (!(error instanceof InvalidInputError)) throw error;
    broken = error.message;
  }
  if (broken === undefined) await refuseLostAnswers(tools, ledger);
  await writeRejected(tools.folder, task.group, reader.takeRejected(), ledger);
  const next = ledger.next ?? reader.position;
  const goesOn =
    task.isFollowed && broken === undefined && !reader.ended && !tools.scope.deadline.passed(prepareMs);
  const [done] = await Promise.all([
    ledger.close(next, reader, broken),
    goesOn ? prepareNext(tools, task.group + 1, next) : undefined,
  ]);
  return outcomeOf(done);
}

/**
 * Opens the ledger of the group that follows at once in this process, beside closing the one before, so that it need
 * neither be looked for nor waited for.
 */
async function prepareNext(tools: LoadTools, group: number, from: Position): Promise<void> {
  await new GroupLedger(tools.folder, group, from, tools.scope.clock, undefined).write();
  tools.reader.prepare(group, from);
}

/** After a group was broken off: waits until the instance is certainly done with it, then lists what may be ours. */
async function prepareSettling(tools: LoadTools, task: LoadGroup, ledger: GroupLedger): Promise<Settling> {
  const { plan, scope } = tools;
  const lostAtMs = ledger.lose();
  const readyAtMs = lostAtMs + plan.settings.settleAfterSeconds * 1000;
  if (scope.clock.now() < readyAtMs) {
    await ledger.write();
    throw new RetryLaterError(
      'answers were lost; they are settled first',
      (readyAtMs - scope.clock.now()) / 1000,
    );
  }
  ledger.settle();
  const claimed = new Set([...(await task.claimedBefore()), ...ledger.sets()]);
  const hasStored = claimed.size > 0;
  if (plan.keyColumn !== undefined || plan.settings.mode === 'rows')
    return { unclaimed: undefined, hasStored };
  return { hasStored, unclaimed: await unclaimedSets(scope, plan, claimed) };
}

async function sendChunks(
  tools: LoadTools,
  task: LoadGroup,
  ledger: GroupLedger,
  reader: ChunkReader,
  settling: Settling | undefined,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const slots = tools.plan.settings.ordered ? 1 : tools.plan.settings.concurrency;
  let failure: unknown;
  try {
    const chunks = chunksOf(task.group);
    for (let index = 0, rows = 0; index < chunks && rows < groupLimits.rows; index++) {
      if (failure !== undefined || endsEarly(tools, task, ledger, reader, index, settling)) break;
      const chunk = await reader.next();
      ledger.next = chunk?.next ?? reader.position;
      if (!chunk) break;
      rows += chunk.rows;
      const work = oneChunk(tools, task, ledger, settling, index, chunk)
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

/**
 * A group may stop short of its limits when the instance refuses or the invocation ends. Not one that was broken off
 * before: some chunk further on may have been sent, and is to be settled in this group.
 */
function endsEarly(
  tools: LoadTools,
  task: LoadGroup,
  ledger: GroupLedger,
  reader: ChunkReader,
  index: number,
  settling: Settling | undefined,
): boolean {
  const timeIsUp = index > 0 && tools.scope.deadline.passed(spareMs);
  if (settling && timeIsUp) throw new RetryLaterError('the invocation ends', 1);
  const tooManyRejects = task.sending && reader.rejectedCount > task.mayReject;
  return !settling && (timeIsUp || ledger.refused || tooManyRejects);
}

async function oneChunk(
  tools: LoadTools,
  task: LoadGroup,
  ledger: GroupLedger,
  settling: Settling | undefined,
  index: number,
  chunk: Chunk,
): Promise<void> {
  if (!ledger.has(index)) {
    const sending = task.sending && !ledger.refused;
    ledger.set(index, await deliverChunk(tools, { chunk, sending, settling, before: ledger.get(index) }));
  }
  tools.onProgress?.({ rows: chunk.rows, byte: chunk.next.byte });
}

async function refuseLostAnswers(tools: LoadTools, ledger: GroupLedger): Promise<void> {
  const lost = ledger.lostCount;
  if (lost === 0) return;
  await tools.reader.drop();
  await ledger.write();
  const { settleAfterSeconds } = tools.plan.settings;
  throw new RetryLaterError(`the answers to ${lost} requests were lost`, settleAfterSeconds);
}

/** One JSON document a line; raw bytes as base64, since they may be in any encoding. */
async function writeRejected(
  folder: ImportFolder,
  group: number,
  rejected: readonly RejectedRow[],
  ledger: GroupLedger,
): Promise<void> {
  ledger.rejected = rejected.length;
  if (rejected.length === 0) return;
  const lines = rejected.map(({ line, reason, raw }) =>
    JSON.stringify({ line, reason, raw: Buffer.from(raw).toString('base64') }),
  );
  await folder.write(groupName('rejected', group), lines.join('\n'), 'application/x-ndjson');
}

function outcomeOf(ledger: NonNullable<Awaited<ReturnType<typeof readLedger>>>): GroupOutcome {
  const chunks = ledger.chunks.filter((chunk) => chunk !== null);
  const rowsIn = (state: SentChunk['state']) =>
    chunks.reduce((sum, chunk) => sum + (chunk.state === state ? chunk.rows : 0), 0);
  const refused = chunks.find((chunk) => chunk.state === 'refused')?.message;
  return {
    next: ledger.next ?? ledger.from,
    ended: ledger.ended,
    rows: chunks.reduce((sum, chunk) => sum + chunk.rows, 0),
    rejected: ledger.rejected,
    blankLines: ledger.blankLines,
    unknown: rowsIn('unknown') + rowsIn('lost'),
    notSent: rowsIn('not-sent'),
    ...(refused === undefined ? {} : { refused }),
    ...(ledger.broken === undefined ? {} : { broken: ledger.broken }),
    chunks: chunks.map(({ lines, sets }) => [lines[0] ?? 0, lastLine(lines), sets.join(' ')]),
  };
}

function lastLine(lines: readonly number[]): number {
  return (lines.at(-2) ?? 0) + (lines.at(-1) ?? 1) - 1;
}
