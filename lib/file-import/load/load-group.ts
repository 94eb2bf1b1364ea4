import { ConnectorError, InvalidInputError } from '../../core/errors.ts';
import type { RejectedRow } from '../encode/chunk.ts';
import { groupName, type ImportFolder } from '../folder.ts';
import type { Position } from '../plan/import-plan.ts';
import { RetryLaterError } from '../retry-later-error.ts';
import { onLines, withoutStored } from './deliver.ts';
import { GroupLedger, type GroupStart } from './group-ledger.ts';
import { importSetsOf, knownChunks, type LoadLedger, readLedger } from './ledger.ts';
import { type Reconciliation, seesRows } from './reconcile.ts';
import { lastClosedSet, type PendingChunks, setMatcher } from './reconcile-by-sets.ts';
import { type ChunkPrint, printChunk } from './row-prints.ts';
import { endsGroup, type LoadDeps, type LoadGroup, sendChunks } from './send-group.ts';

/** What a group came to, small enough for a checkpoint. */
export type GroupOutcome = {
  readonly next: Position;
  readonly ended: boolean;
  readonly rows: number;
  readonly rejected: number;
  readonly blankLines: number;
  readonly importSets: number;
  /** Why the instance refuses the rows of this import; nothing more is to be sent then. */
  readonly refused?: string;
  /** Why the file cannot be read on. */
  readonly readError?: string;
};

/** No group begins with less than this left of the invocation, */
const leastMs = 60_000;
/** and none is prepared with less than this: it is certain then to begin. */
const prepareMs = 120_000;

/**
 * Sends the next group of chunks, `concurrency` at once. Run a second time, it sends only what the instance does not
 * have: chunks in the ledger are certain, all others are reconciled first, after the time in which the instance may
 * still be storing them.
 * @throws RetryLaterError while answers are lost that cannot be reconciled yet
 * @throws ServiceNowError, InvalidInputError (the file), S3ServiceException
 */
export async function loadGroup(tools: LoadDeps, task: LoadGroup): Promise<GroupOutcome> {
  if (tools.scope.deadline.passed(leastMs)) throw new RetryLaterError('the invocation ends', 1);
  const isPrepared = tools.reader.isPreparedFor(task.group, task.from);
  const reader = tools.reader.at(task.from, isPrepared);
  const before = isPrepared ? undefined : await readLedger(tools.folder, task.group);
  if (before?.next) return outcomeOf(before);
  const ledger = new GroupLedger(tools.folder, startOf(tools, task), tools.scope.clock, before);
  const reconciles = before !== undefined && !task.isAbandoned;
  const reconciliation = reconciles ? await prepareReconciliation(tools, task, ledger) : undefined;
  if (!isPrepared) await (task.sending ? ledger.announce(0) : ledger.write(false));
  let readError: string | undefined;
  try {
    await sendChunks(tools, {
      task,
      ledger,
      reader,
      reconciliation,
      lastSet: await lastSetBefore(tools, task),
    });
  } catch (error) {
    if (ledger.hasPossiblySent) ledger.lose();
    await tools.reader.drop();
    await ledger.write(true);
    // A file that is damaged or gone stays so: what was read of it is kept and the import stops.
    if (!(error instanceof InvalidInputError)) throw ledger.hasProgressed ? goesOnLater(error) : error;
    readError = error.message;
  }
  if (readError === undefined) await refuseLostAnswers(tools, ledger);
  await writeRejected(tools.folder, task.group, reader.takeRejected(), ledger);
  const next = ledger.next ?? reader.position;
  const goesOn =
    task.continuesHere && readError === undefined && !reader.ended && !tools.scope.deadline.passed(prepareMs);
  const [done] = await Promise.all([
    ledger.close(next, reader, readError),
    goesOn ? prepareNext(tools, task.group + 1, next) : undefined,
  ]);
  tools.closed.keep(task.group, done);
  return outcomeOf(done);
}

/** Row by row in `rows` mode, where without keys nothing else shows which rows were sent before the process died. */
function startOf({ plan }: LoadDeps, { group, from }: Pick<LoadGroup, 'group' | 'from'>): GroupStart {
  const { concurrency, mode } = plan.settings;
  return { group, from, concurrency, notesRows: mode === 'rows' && plan.keyColumn === undefined };
}

/**
 * Opens the ledger of the group that follows at once in this process, while the one before is closed, so that it need
 * neither be looked for nor waited for.
 */
async function prepareNext(tools: LoadDeps, group: number, from: Position): Promise<void> {
  await new GroupLedger(tools.folder, startOf(tools, { group, from }), tools.scope.clock, undefined).write(
    false,
  );
  tools.reader.prepare(group, from);
}

/**
 * After a group was interrupted: waits until the instance is certainly done with what may have been sent, then lists what
 * may be ours; undefined when nothing is possibly sent.
 */
async function prepareReconciliation(
  tools: LoadDeps,
  task: LoadGroup,
  ledger: GroupLedger,
): Promise<Reconciliation | undefined> {
  if (!ledger.hasPossiblySent) return undefined;
  const { plan, scope } = tools;
  const readyAtMs = ledger.lose() + plan.settings.inDoubtSeconds * 1000;
  if (scope.clock.now() < readyAtMs) {
    await ledger.write(true);
    throw new RetryLaterError(
      'answers were lost; they are reconciled first',
      (readyAtMs - scope.clock.now()) / 1000,
    );
  }
  ledger.clearLoss();
  const before = await task.setsBefore();
  const own = new Set([...before.own, ...ledger.sets()]);
  const hasStored = own.size > 0;
  if (plan.keyColumn !== undefined) return { sets: undefined, hasStored };
  if (plan.settings.mode === 'insertMultiple') {
    const pending = await pendingPrints(tools, task, ledger);
    const known = new Set([...own, ...before.others]);
    const isOlder = (set: string, index: number) => ledger.isOlder(set, index);
    const sets = await setMatcher(scope, plan, { known, own, isOlder }, pending);
    ledger.noteOlder(sets.candidates);
    return { hasStored, sets };
  }
  // Nothing can be reconciled, but nothing more is to be lost to an instance that is still away.
  await seesRows(scope, plan);
  return { sets: undefined, hasStored };
}

/** How often each chunk that may have been sent occurs in the group: equal ones cannot be distinguished. */
async function pendingPrints(
  { plan, reader }: LoadDeps,
  task: LoadGroup,
  ledger: GroupLedger,
): Promise<PendingChunks> {
  const prints = new Map<string, { print: ChunkPrint; count: number }>();
  let [index, rows] = [0, 0];
  for await (const chunk of reader.chunksFrom(task.from)) {
    if (ledger.mayHaveSent(index) && !ledger.has(index)) {
      const open = withoutStored(chunk, ledger.get(index));
      const print = printChunk(plan, onLines(open, ledger.possiblySentLines(index)));
      prints.set(print.digest, { print, count: (prints.get(print.digest)?.count ?? 0) + 1 });
    }
    index++;
    rows += chunk.rows;
    if (endsGroup(plan.settings, task.group, index, rows)) break;
  }
  return prints;
}

/** In ordered loads: the import set that the group's first one has to follow. */
async function lastSetBefore(
  { scope, plan, folder }: LoadDeps,
  { group }: LoadGroup,
): Promise<string | undefined> {
  if (!plan.settings.ordered) return undefined;
  // A group of rejected lines has no set; the one before it counts then.
  for (let before = group - 1; before >= 0; before--) {
    const ledger = await readLedger(folder, before);
    const sets = importSetsOf(ledger?.chunks ?? []);
    const last = sets.length > 0 ? await lastClosedSet(scope, sets) : undefined;
    if (last !== undefined) return last;
  }
  return undefined;
}

/** Rate limits of ServiceNow count by the hour; the lease of an import allows for this (`baseLeaseSeconds`). */
const longestAskedMs = 1_500_000;
const shortDelayMs = 2_000;

/** The error of an attempt that came further: the next one is its first again. */
function goesOnLater(error: unknown): unknown {
  if (!(error instanceof ConnectorError) || !error.retryable) return error;
  const delayMs = Math.min(longestAskedMs, error.retryAfterMs ?? shortDelayMs);
  return new RetryLaterError(error.message, delayMs / 1000, { cause: error, hasProgressed: true });
}

async function refuseLostAnswers(tools: LoadDeps, ledger: GroupLedger): Promise<void> {
  const lost = ledger.lostCount;
  if (lost === 0) return;
  await tools.reader.drop();
  await ledger.write(true);
  const { inDoubtSeconds } = tools.plan.settings;
  const { hasProgressed } = ledger;
  throw new RetryLaterError(`the answers to ${lost} requests were lost`, inDoubtSeconds, { hasProgressed });
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

function outcomeOf(ledger: LoadLedger): GroupOutcome {
  const chunks = knownChunks(ledger);
  const refused = chunks.find((chunk) => chunk.state === 'refused')?.message;
  return {
    next: ledger.next ?? ledger.from,
    ended: ledger.ended,
    rows: chunks.reduce((sum, chunk) => sum + chunk.rows, 0),
    rejected: ledger.rejected,
    blankLines: ledger.blankLines,
    importSets: importSetsOf(ledger.chunks).length,
    ...(refused === undefined ? {} : { refused }),
    ...(ledger.readError === undefined ? {} : { readError: ledger.readError }),
  };
}
