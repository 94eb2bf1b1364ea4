import { currentLogFields, withLogFields } from '../core/log.ts';
import type { Activities, Progress } from './activities.ts';
import type { Durable } from './execution.ts';
import type { ImportInput } from './import-input.ts';
import type { ImportSummary } from './report/summary.ts';
import {
  askedSeconds,
  isPassing,
  isRejected,
  RetryLaterError,
  UnreadVerdictsError,
} from './retry-later-error.ts';
import type { ImportRequest } from './schedule/import-request.ts';
import { longestDeniedMs } from './schedule/schedule.ts';
import { abandon, type ImportState, refusedState, waitingState } from './state.ts';
import { isDenied, UnreadableObjectError } from './unreadable-object.ts';

/** What an execution answers; a chained one goes on elsewhere. */
export type ImportAnswer = ImportSummary | { readonly continuedBy: string };

/** What one operation came to, as the durable engine remembers it. */
type Outcome = (Progress & { readonly atMs: number }) | Failed;

/** An attempt that came to nothing, or not to its end. */
type Failed = {
  readonly failed: string;
  readonly waitSeconds: number;
  readonly atMs: number;
  /** It came further than the attempt before it. */
  readonly hasProgressed?: true;
  /** The file or its settings may not be read. */
  readonly isUnreadable?: true;
  /** S3 refuses what is stored during an import. */
  readonly isDenied?: true;
  /** The instance refuses the credentials. */
  readonly isRejected?: true;
  /** The instance is up, and only the verdicts cannot be read. */
  readonly isUnread?: true;
};

type WorkflowOptions = {
  /** An import is abandoned when every attempt has failed for so long. */
  readonly longestOutageMs: number;
};

/** A right to read the file that is missing for longer is taken for lost: later drops of the table wait meanwhile. */
const longestUnreadableMs = 300_000;
/** So often credentials are tried, a minute and two apart: ServiceNow locks an account after five failures, by default. */
const mostRejections = 3;
const rejectedSeconds = 60;
/** Operations that are kept for the end of an execution. */
const reservedOperations = 6;
/** AWS keeps 100 MB of results for one execution; the import goes on in another one well before. */
const maxBytes = 60 << 20;
/** An execution ends after 7 days at the latest (`executionTimeout`); the import goes on in another one well before. */
const maxAgeMs = 24 * 3_600_000;
/** Where no other one can be started, the import ends in this one: within what AWS allows (3,000 operations, 100 MB, 7 days). */
const lastLimits = { operations: 2_950, bytes: 90 << 20, ageMs: 3 * 24 * 3_600_000 };
/** So many are left for its results. */
const mostOperations = 2_990;
/** An instance may be down over a weekend. */
const defaultOptions: WorkflowOptions = { longestOutageMs: 84 * 3_600_000 };
const longestDelaySeconds = 300;
const promptAttempts = 5;
/** Starting the next execution may fail so often. */
const maxChainAttempts = 40;

/**
 * One import from its pre-flight to its summary. Everything that touches the world is an operation of the durable engine, so that
 * it can stop at any point and go on in another process; what has become of the rows is in the state. Every line that it logs names
 * who dropped the file.
 */
export function runImport(
  durable: Durable,
  activities: Activities,
  input: ImportInput,
  options: WorkflowOptions = defaultOptions,
): Promise<ImportAnswer> {
  const fields = { ...currentLogFields(), caller: input.request.droppedBy };
  return withLogFields(fields, () => carryOut(durable, activities, input, options));
}

async function carryOut(
  durable: Durable,
  activities: Activities,
  { request, resume }: ImportInput,
  { longestOutageMs }: WorkflowOptions,
): Promise<ImportAnswer> {
  const budget = new Budget();
  const step = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    budget.operations++;
    const result = await durable.step(name, run);
    budget.bytes += Buffer.byteLength(JSON.stringify(result) ?? '');
    return result;
  };
  const wait = async (name: string, seconds: number) => {
    budget.operations++;
    await durable.wait(name, seconds);
  };

  let state = resume ?? waitingState();
  while (state.phase !== 'finished') {
    if (budget.isSpent(state)) {
      const elsewhere = await goOnElsewhere(state);
      if ('continuedBy' in elsewhere) return elsewhere;
      state = abandon(
        state,
        `its next execution could not be started: ${elsewhere.failed}`,
        elsewhere.atMs,
        true,
      );
      continue;
    }
    const before = state;
    const outcome = await step(nameOf(before), () =>
      attempt(activities, request, before, budget.allowsAnother(before)),
    ).catch((error: unknown) => abandonAfter(before, error));
    budget.note(outcome);
    state = await leftEarly(stateAfter(before, outcome, longestOutageMs), outcome);
    if (outcome.waitSeconds !== undefined) await wait('wait', outcome.waitSeconds);
  }
  return finish(state);

  /** Passes the turn on where nothing is sent any more and only what comes of it cannot be stored. */
  async function leftEarly(current: ImportState, outcome: Outcome): Promise<ImportState> {
    if (current.phase !== 'abandoned' && current.phase !== 'collecting') return current;
    if (current.hasLeft || !('failed' in outcome) || !isDeniedForLong(current.failing, outcome))
      return current;
    return (await hasPassedOn()) ? { ...current, hasLeft: true } : current;
  }

  async function hasPassedOn(): Promise<boolean> {
    const left = await step('leave', () =>
      orRetry(activities, 1, async () => {
        await activities.leave(request);
        return { isLeft: true };
      }),
    );
    return 'isLeft' in left;
  }

  /** A defect, or a failure that no repetition can help. */
  async function abandonAfter(before: ImportState, error: unknown): Promise<Outcome> {
    const atMs = budget.lastAtMs ?? (await step('time', async () => activities.now()));
    const reason = error instanceof Error ? error.message : String(error);
    return { state: abandon(before, reason, atMs, false), atMs };
  }

  /** @returns why not, where the next execution cannot be started: then the import has to end in this one */
  async function goOnElsewhere(current: ImportState): Promise<{ readonly continuedBy: string } | Failed> {
    const next = { ...current, executionNumber: current.executionNumber + 1 };
    for (let attempts = 1; ; attempts++) {
      const chained = await step('continue', () =>
        orRetry(activities, attempts, async () => ({
          continuedBy: await activities.continueElsewhere(request, next),
        })),
      ).catch(cannotStart);
      if ('continuedBy' in chained) return chained;
      if (budget.isLast || attempts >= maxChainAttempts) {
        budget.isLast = true;
        return chained;
      }
      await wait('wait', chained.waitSeconds);
    }
  }

  function cannotStart(error: unknown): Failed {
    budget.isLast = true;
    const failed = error instanceof Error ? error.message : String(error);
    return { failed, waitSeconds: 1, atMs: budget.lastAtMs ?? 0 };
  }

  async function finish(current: Extract<ImportState, { phase: 'finished' }>): Promise<ImportAnswer> {
    let failing = current.failing;
    let hasLeft: boolean = current.hasLeft ?? false;
    let isFileReadable = true;
    try {
      for (;;) {
        if (budget.isSpent(current) && !budget.isLast) {
          const left = hasLeft ? ({ hasLeft } as const) : {};
          const elsewhere = await goOnElsewhere({ ...current, ...left, ...(failing ? { failing } : {}) });
          if ('continuedBy' in elsewhere) return elsewhere;
        }
        const attempts = (failing?.attempts ?? 0) + 1;
        const done = await step('finish', () =>
          orRetry(activities, attempts, async () => ({
            summary: await activities.finish(request, current, isFileReadable),
          })),
        );
        if ('summary' in done) return done.summary;
        budget.note(done);
        failing = failingSince(failing, done);
        isFileReadable = !isLost(failing, done);
        const isOver = done.atMs - failing.sinceMs > longestOutageMs || budget.operations > mostOperations;
        if (isOver) throw new Error(done.failed);
        // Every row is sent that ever will be.
        hasLeft ||= done.atMs - failing.sinceMs > longestUnreadableMs && (await hasPassedOn());
        await wait('wait', done.waitSeconds);
      }
    } catch (error) {
      // The results cannot be written; the next import need not wait for that.
      await step('leave', () => activities.leave(request));
      throw error;
    }
  }
}

/** One attempt at what a state asks for. */
async function attempt(
  activities: Activities,
  request: ImportRequest,
  state: ImportState,
  continuesHere: boolean,
): Promise<Outcome> {
  const attempts = (state.failing?.attempts ?? 0) + 1;
  return orRetry(activities, attempts, async () => ({
    ...(await activities.advance(request, state, continuesHere)),
    atMs: activities.now(),
  }));
}

async function orRetry<T>(
  activities: Activities,
  attempts: number,
  run: () => Promise<T>,
): Promise<T | Failed> {
  try {
    return await run();
  } catch (error) {
    activities.logFailure(error, attempts);
    if (!isPassing(error)) throw error;
    const failed = error instanceof Error ? error.message : String(error);
    const hasProgressed = error instanceof RetryLaterError && error.hasProgressed;
    const waitSeconds = delaySeconds(error, hasProgressed ? 1 : attempts);
    const isUnreadable = error instanceof UnreadableObjectError;
    const atMs = activities.now();
    return {
      ...{ failed, waitSeconds, atMs },
      ...(hasProgressed && { hasProgressed }),
      ...(isUnreadable && { isUnreadable }),
      ...(isDenied(error) && { isDenied: true }),
      ...(isRejected(error) && { isRejected: true }),
      ...(error instanceof UnreadVerdictsError && { isUnread: true }),
    };
  }
}

function delaySeconds(error: unknown, attempts: number): number {
  const backOff = Math.min(longestDelaySeconds, 2 ** Math.min(attempts, 10));
  if (isRejected(error)) return Math.max(rejectedSeconds * Math.min(2, attempts), askedSeconds(error));
  if (!(error instanceof RetryLaterError)) return Math.max(backOff, askedSeconds(error));
  // What says by itself when to go on does so a few times; after that the instance is down.
  return attempts <= promptAttempts ? error.delaySeconds : Math.max(error.delaySeconds, backOff);
}

function stateAfter(before: ImportState, outcome: Outcome, longestOutageMs: number): ImportState {
  if (!('failed' in outcome)) {
    const { failing: _, ...state } = outcome.state;
    return state;
  }
  const failing = failingSince(before.failing, outcome);
  const state = { ...before, failing };
  if (isLost(failing, outcome))
    return before.phase === 'waiting'
      ? abandon(state, outcome.failed, outcome.atMs, false)
      : { ...before, failing: undefined, fileLost: outcome.failed };
  if (outcome.isRejected && (failing.rejections ?? 0) >= mostRejections) return rejected(before, outcome);
  const isSending = before.phase === 'waiting' || before.phase === 'loading';
  if (isSending && isDeniedForLong(failing, outcome))
    return abandon(state, outcome.failed, outcome.atMs, true);
  const isOver = outcome.atMs - failing.sinceMs > longestOutageMs;
  return isOver ? abandon(state, outcome.failed, outcome.atMs, true) : state;
}

/** The credentials are wrong: the instance is asked nothing more. */
function rejected(before: ImportState, { failed, atMs }: Failed): ImportState {
  if (before.phase === 'waiting') return refusedState(before, failed, new Date(atMs).toISOString());
  return abandon(before, failed, atMs, false);
}

type Failing = NonNullable<ImportState['failing']>;

/** True when the file may not be read for so long that it will not be. */
function isLost({ unreadableSinceMs }: Failing, { atMs }: Failed): boolean {
  return unreadableSinceMs !== undefined && atMs - unreadableSinceMs > longestUnreadableMs;
}

/** True when what comes of an import may not be stored for so long that its table is not to wait for it. */
function isDeniedForLong(failing: ImportState['failing'], { atMs }: Failed): boolean {
  const sinceMs = failing?.deniedSinceMs;
  return sinceMs !== undefined && atMs - sinceMs > longestDeniedMs;
}

function failingSince(before: ImportState['failing'], outcome: Failed): Failing {
  const earlier = outcome.hasProgressed ? undefined : before;
  const { sinceMs, attempts, ...since } = earlier ?? { sinceMs: outcome.atMs, attempts: 0 };
  const { atMs } = outcome;
  const { unreadableSinceMs = atMs, unreadVerdictsSinceMs = atMs, deniedSinceMs = atMs } = since;
  return {
    ...{ sinceMs, attempts: attempts + 1 },
    ...(outcome.isUnreadable && { unreadableSinceMs }),
    ...(outcome.isDenied && { deniedSinceMs }),
    ...(outcome.isRejected && { rejections: (since.rejections ?? 0) + 1 }),
    ...(outcome.isUnread && { unreadVerdictsSinceMs }),
  };
}

function nameOf(state: ImportState): string {
  switch (state.phase) {
    case 'waiting':
      return 'pre-flight';
    case 'loading':
    case 'abandoned':
      return `load-${state.loadedGroups}`;
    case 'collecting':
    case 'finished':
      return 'collect';
  }
}

/** What an execution has used up of what AWS allows it. */
class Budget {
  operations = 0;
  bytes = 0;
  lastAtMs: number | undefined;
  /** No other execution can be started. */
  isLast = false;
  #firstAtMs: number | undefined;

  note({ atMs }: { readonly atMs: number }): void {
    this.#firstAtMs ??= atMs;
    this.lastAtMs = atMs;
  }

  isSpent({ operationsPerExecution }: ImportState): boolean {
    if (this.operations === 0) return false;
    const ageMs = (this.lastAtMs ?? 0) - (this.#firstAtMs ?? 0);
    const limits = { operations: operationsPerExecution, bytes: maxBytes, ageMs: maxAgeMs };
    const most = this.isLast ? lastLimits : limits;
    return (
      this.operations + reservedOperations > most.operations || this.bytes > most.bytes || ageMs > most.ageMs
    );
  }

  /** True when the operation after this one will be run by this execution, too. */
  allowsAnother(state: ImportState): boolean {
    return !this.isSpent(state);
  }
}
