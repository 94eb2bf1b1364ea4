import { ConnectorError } from '../core/errors.ts';
import { currentLogFields, withLogFields } from '../core/log.ts';
import type { Activities, Progress } from './activities.ts';
import type { Durable } from './execution.ts';
import type { ImportInput } from './import-input.ts';
import type { ImportSummary } from './report/summary.ts';
import { isPassing, RetryLaterError, UnreadVerdictsError } from './retry-later-error.ts';
import type { ImportRequest } from './schedule/import-request.ts';
import { abandon, type ImportState, waitingState } from './state.ts';
import { UnreadableObjectError } from './unreadable-object.ts';

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
  /** The instance is up, and only the verdicts cannot be read. */
  readonly isUnread?: true;
};

type WorkflowOptions = {
  /** An import is abandoned when every attempt has failed for so long. */
  readonly longestOutageMs: number;
};

/** A right to read the file that is missing for longer is taken for lost: later drops of the table wait meanwhile. */
const longestUnreadableMs = 300_000;
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
/** Rate limits of ServiceNow count by the hour; the lease of an import allows for this (`baseLeaseSeconds`). */
const longestAskedSeconds = 1_500;
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
    state = stateAfter(before, outcome, longestOutageMs);
    if (outcome.waitSeconds !== undefined) await wait('wait', outcome.waitSeconds);
  }
  return finish(state);

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
    let isFileReadable = true;
    try {
      for (;;) {
        if (budget.isSpent(current) && !budget.isLast) {
          const elsewhere = await goOnElsewhere({ ...current, ...(failing ? { failing } : {}) });
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
      ...(error instanceof UnreadVerdictsError && { isUnread: true }),
    };
  }
}

function delaySeconds(error: unknown, attempts: number): number {
  const backOff = Math.min(longestDelaySeconds, 2 ** Math.min(attempts, 10));
  if (!(error instanceof RetryLaterError)) return Math.max(backOff, askedSeconds(error));
  // What says by itself when to go on does so a few times; after that the instance is down.
  return attempts <= promptAttempts ? error.delaySeconds : Math.max(error.delaySeconds, backOff);
}

/** How long a throttled instance asked to wait, within reason. */
function askedSeconds(error: unknown): number {
  if (!(error instanceof ConnectorError)) return 0;
  return Math.min(longestAskedSeconds, Math.ceil((error.retryAfterMs ?? 0) / 1000));
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
  const isOver = outcome.atMs - failing.sinceMs > longestOutageMs;
  return isOver ? abandon(state, outcome.failed, outcome.atMs, true) : state;
}

type Failing = NonNullable<ImportState['failing']>;

/** True when the file may not be read for so long that it will not be. */
function isLost({ unreadableSinceMs }: Failing, { atMs }: Failed): boolean {
  return unreadableSinceMs !== undefined && atMs - unreadableSinceMs > longestUnreadableMs;
}

function failingSince(before: ImportState['failing'], outcome: Failed): Failing {
  const earlier = outcome.hasProgressed ? undefined : before;
  const { sinceMs, attempts, ...since } = earlier ?? { sinceMs: outcome.atMs, attempts: 0 };
  const { unreadableSinceMs = outcome.atMs, unreadVerdictsSinceMs = outcome.atMs } = since;
  return {
    ...{ sinceMs, attempts: attempts + 1 },
    ...(outcome.isUnreadable && { unreadableSinceMs }),
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
