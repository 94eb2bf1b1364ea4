import { ConnectorError } from '../core/errors.ts';
import { ThrottledError } from '../servicenow/errors.ts';
import { boundHeap } from './execution.ts';
import { importFolder } from './folder.ts';
import type { ImportInput } from './import-input.ts';
import { type ImportDeps, isUpDespite } from './instance.ts';
import { knownChunks, setsBefore } from './load/ledger.ts';
import { loadGroup } from './load/load-group.ts';
import type { Tally } from './load/row-outcome.ts';
import { openOnce, preflight } from './open-import.ts';
import { pinnedObject, unlessLost } from './read/content.ts';
import { finishImport } from './report/finish-import.ts';
import { endOf, type ImportSummary, progressOf } from './report/summary.ts';
import { askedSeconds, isPassing, RetryLaterError, UnreadVerdictsError } from './retry-later-error.ts';
import { executionName, type ImportRequest } from './schedule/import-request.ts';
import type { Redrops } from './schedule/redrops.ts';
import { type Schedule, startLeaseMs } from './schedule/schedule.ts';
import {
  abandon,
  afterGroup,
  type BegunState,
  failuresSoFar,
  type ImportState,
  type Phase,
  tooManyFailures,
} from './state.ts';
import { type AwaitedRows, collectVerdicts } from './verdicts/collect-verdicts.ts';
import { countPending } from './verdicts/read-group.ts';
import { addVerdict } from './verdicts/results-part.ts';

/** Starts the execution that an import goes on in. */
export type StartExecution = (name: string, input: ImportInput) => Promise<void>;

/** What an activity makes of a state, and how long to wait before the next one. */
export type Progress = { readonly state: ImportState; readonly waitSeconds?: number };

export type ActivityDeps = {
  readonly scope: ImportDeps;
  readonly schedule: Pick<Schedule, 'renew' | 'leave'>;
  readonly startExecution: StartExecution;
  /** Remembers what is to be dropped again by schedule; absent where the deployment does not do that. */
  readonly redrops?: Pick<Redrops, 'note'> | undefined;
};

/** What the operations of one import do to the world. Each can be run again from the same state. */
export type Activities = ReturnType<typeof importActivities>;

/** No verdicts are read any more when less than this is left of an invocation. */
const spareMs = 90_000;
/** Verdicts are read while rows are sent, a little faster than groups come. */
const groupsPerLoad = 2;
/** So many groups may be loaded without their verdicts while these cannot be read, where failures are to stop the import. */
const mostUnread = 3;
/** A lease is renewed no more often. */
const renewPeriodMs = 60_000;
/** While the turn is another import's. */
const turnDelaySeconds = 60;
/** The longest pause between two looks at the verdicts. */
const longestLookSeconds = 60;
/** A summary that is longer is returned without settings, messages and columns; `summary.json` has them. */
const maxAnswerBytes = 200_000;

/** The operations of one import, for one invocation. */
export function importActivities({ scope, schedule, startExecution, redrops }: ActivityDeps) {
  let fileLost: string | undefined;
  const opened = openOnce(scope, () => fileLost);
  /** Verdicts are read while rows are sent, which shows its progress with them. */
  let latest: Tally | undefined;
  let renewedAtMs = Number.NEGATIVE_INFINITY;

  return {
    now: () => scope.clock.now(),

    logFailure(error: unknown, attempt: number): void {
      scope.log.warn('import-step-failed', { reason: String(error), attempt });
    },

    /**
     * Does the next piece of an import.
     * @param continuesHere the piece after it is done by this execution, too
     */
    async advance(request: ImportRequest, state: ImportState, continuesHere: boolean): Promise<Progress> {
      if (state.phase === 'waiting' || !state.hasLeft) await holdTurn(request, state);
      fileLost = state.phase === 'waiting' ? undefined : state.fileLost;
      switch (state.phase) {
        case 'waiting':
          return { state: await preflight(scope, opened, request, state) };
        case 'loading':
          return { state: await load(request, state, continuesHere) };
        case 'abandoned':
          return { state: await listRest(request, state, continuesHere) };
        case 'collecting':
          return collect(request, state);
        case 'finished':
          return { state };
      }
    },

    async continueElsewhere(request: ImportRequest, resume: ImportState): Promise<string> {
      const name = `${executionName(request)}-${resume.executionNumber}`;
      const hasLeft = resume.phase !== 'waiting' && resume.hasLeft;
      // A start may be throttled for hours; the turn is kept for it.
      if (!hasLeft) await passing(() => schedule.renew(request, startLeaseMs));
      try {
        await startExecution(name, { request, resume });
      } catch (error) {
        // Nothing is under way: should this execution end, the turn is to pass on as soon as ever.
        if (!hasLeft) await passing(() => schedule.renew(request, resume.leaseSeconds * 1000));
        throw error;
      }
      return name;
    },

    /**
     * Writes the results and starts the imports that are due then.
     * @param isFileReadable false where the file may not be read any more: rows are not given back then
     */
    async finish(
      request: ImportRequest,
      state: Phase<'finished'>,
      isFileReadable: boolean,
    ): Promise<ImportSummary> {
      const folder = importFolder(scope.s3, request.bucket, request.resultsFolder);
      const reason = isFileReadable ? state.fileLost : 'it may not be read';
      const object = unlessLost(pinnedObject(scope.s3, request), () => reason);
      const summary = await finishImport(folder, request, state, object, scope.clock);
      scope.outcomes?.report(endOf(request, summary));
      // Sent before the step counts as done: the end of an import is reported at least once.
      await scope.outcomes?.flush();
      if (state.mayPass) await noteRedrop(request, summary);
      await folder.clearWork();
      await passing(() => schedule.leave(request));
      return shortEnough(summary);
    },

    leave: (request: ImportRequest): Promise<void> => passing(() => schedule.leave(request)),
  };

  /** What was never sent is dropped again later; an import that was given up after its last row has nothing of the kind. */
  async function noteRedrop(request: ImportRequest, { status, results }: ImportSummary): Promise<void> {
    const { unsent } = results;
    if (redrops === undefined || (unsent === undefined && status !== 'refused')) return;
    if (await redrops.note(request, unsent)) return;
    scope.log.error('import-given-up', { key: request.key, times: request.redropped?.times });
  }

  /** Renews the lease now and then. @throws RetryLaterError when another import holds the turn by now */
  async function holdTurn(request: ImportRequest, { leaseSeconds }: ImportState): Promise<void> {
    const now = scope.clock.now();
    if (now - renewedAtMs < renewPeriodMs) return;
    if (!(await passing(() => schedule.renew(request, leaseSeconds * 1000))))
      throw new RetryLaterError('another import of the table runs', turnDelaySeconds);
    renewedAtMs = now;
  }

  /** Sends the next group, and meanwhile reads the verdicts of earlier ones that the instance is done with. */
  async function load(
    request: ImportRequest,
    state: Phase<'loading'>,
    continuesHere: boolean,
  ): Promise<ImportState> {
    boundHeap();
    const { settings } = (await opened(request)).plan;
    // In `rows` mode the answers are the verdicts: they are counted before the next group is sent.
    const [loaded, collected] = await (settings.mode === 'rows'
      ? loadAndCollect(request, state, continuesHere)
      : bothToTheEnd(loadNext(request, state, continuesHere), collectMeanwhile(request, state)));
    const { collectedGroups, tally, arrived, messages, stopReason } = collected;
    const after = {
      ...loaded,
      ...(stopReason === undefined || loaded.stopReason !== undefined ? {} : { stopReason }),
      collectedGroups,
      tally,
      messages,
      ...(arrived === undefined ? {} : { arrived }),
    };
    if (after.phase !== 'loading' && after.phase !== 'collecting') return after;
    if (after.stopReason !== undefined) return after;
    return stoppedByFailures(request, after);
  }

  async function loadAndCollect(
    request: ImportRequest,
    state: Phase<'loading'>,
    continuesHere: boolean,
  ): Promise<[BegunState, Phase<'loading'>]> {
    const loaded = await loadNext(request, state, continuesHere);
    const { loadedGroups } = loaded;
    return [loaded, await collectMeanwhile(request, { ...state, loadedGroups })];
  }

  /** Reads the verdicts of a few groups; those that cannot be read now are read later, and hold up nothing that is sent. */
  async function collectMeanwhile(
    request: ImportRequest,
    state: Phase<'loading'>,
  ): Promise<Phase<'loading'>> {
    try {
      return await collectGroups(request, state, 'all', groupsPerLoad);
    } catch (error) {
      if (!isPassing(error)) throw error;
      scope.log.warn('verdicts-not-read', { reason: String(error) });
      return withoutVerdicts(request, state, error);
    }
  }

  /**
   * Verdicts that cannot be read hold up nothing, unless their failures are to stop the import: then it stays a few groups ahead.
   * @throws the error for as long as the import has to wait
   */
  async function withoutVerdicts(
    request: ImportRequest,
    state: Phase<'loading'>,
    error: unknown,
  ): Promise<Phase<'loading'>> {
    const { plan, scope: opening } = await opened(request);
    const { maxErrors, maxErrorPercent, verdictTimeoutSeconds } = plan.settings;
    const isLimited = maxErrors !== undefined || maxErrorPercent !== undefined;
    const ahead = state.loadedGroups - state.collectedGroups;
    if (!isLimited || state.stopReason !== undefined || ahead <= mostUnread) return state;
    if (!(await isUpDespite(opening, error))) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const nowMs = scope.clock.now();
    const unreadMs = nowMs - (state.failing?.unreadVerdictsSinceMs ?? nowMs);
    if (unreadMs < unreadForMs(verdictTimeoutSeconds, error))
      throw new UnreadVerdictsError(reason, { cause: error });
    const limit = maxErrors === undefined ? 'maxErrorPercent' : 'maxErrors';
    return { ...state, stopReason: `verdicts cannot be read, by which ${limit} counts: ${reason}` };
  }

  /** Stops an import by its `maxErrors` or `maxErrorPercent`; for the latter the rest of the file is read once, to count its lines. */
  async function stoppedByFailures(
    request: ImportRequest,
    state: Phase<'loading'> | Phase<'collecting'>,
  ): Promise<ImportState> {
    const { plan, reader } = await opened(request);
    const stopped = (lines: number) => {
      const stopReason = tooManyFailures(plan.settings, state, lines);
      return stopReason === undefined ? undefined : { ...state, stopReason };
    };
    const read = state.rows + state.rejected;
    const soFar = stopped(read);
    if (soFar === undefined || state.phase === 'collecting') return soFar ?? state;
    const anyway = stopped(Number.POSITIVE_INFINITY);
    if (anyway) return anyway;
    if (state.linesAtMost !== undefined) return stopped(state.linesAtMost) ?? state;
    const left = await reader.linesFrom(state.cursor, () => scope.deadline.passed(spareMs));
    if (left === undefined) return state;
    const linesAtMost = read + left;
    return { ...(stopped(linesAtMost) ?? state), linesAtMost };
  }

  /** Lists the next group of the file without asking the instance anything. */
  function listRest(
    request: ImportRequest,
    state: Phase<'abandoned'>,
    continuesHere: boolean,
  ): Promise<ImportState> {
    return loadNext(request, state, continuesHere);
  }

  async function loadNext(
    request: ImportRequest,
    state: Phase<'loading'> | Phase<'abandoned'>,
    continuesHere: boolean,
  ): Promise<BegunState> {
    const { progress, ...tools } = await opened(request);
    const { plan, folder } = tools;
    let done = 0;
    const onProgress = ({ rows, byte }: { rows: number; byte: number }) => {
      done += rows;
      progress.show(() => {
        const shown = { ...state, tally: latest ?? state.tally };
        return progressOf(request, shown, plan, 'loading', done, byte);
      });
    };
    const task = {
      group: state.loadedGroups,
      from: state.cursor,
      sending: state.stopReason === undefined,
      isAbandoned: state.phase === 'abandoned',
      continuesHere,
      mayFail: (plan.settings.maxErrors ?? Number.POSITIVE_INFINITY) - failuresSoFar(state),
      setsBefore: () => setsBefore(folder, state.loadedGroups),
    };
    return afterGroup(state, await loadGroup({ ...tools, onProgress }, task), scope.clock.now());
  }

  /**
   * One look at the groups without verdicts. Time in which the instance was away, or turned us away, says nothing of its progress;
   * where it is up and only they cannot be read, the time-out counts.
   */
  async function collect(
    request: ImportRequest,
    { throttledSinceMs: since, ...earlier }: Phase<'collecting'>,
  ): Promise<Progress> {
    const nowMs = scope.clock.now();
    const awayMs = earlier.failing ? nowMs - earlier.failing.sinceMs : 0;
    const throttledSinceMs = since === undefined ? nowMs : since + awayMs;
    const looks = awayMs > 0 ? 0 : earlier.looks;
    const standing = { ...earlier, progressAtMs: earlier.progressAtMs + awayMs, looks };
    const before = { ...standing, progressAtMs: standing.progressAtMs + nowMs - throttledSinceMs };
    try {
      return await look(request, before);
    } catch (error) {
      if (!isPassing(error) || !(await isUpDespite((await opened(request)).scope, error))) throw error;
      scope.log.warn('verdicts-not-read', { reason: String(error) });
      const isThrottled = error instanceof ThrottledError;
      const isOver = isThrottled
        ? nowMs - throttledSinceMs >= longestThrottledMs
        : nowMs - before.progressAtMs >= before.verdictTimeoutSeconds * 1000;
      if (isOver) return lastLook(request, before);
      const waitSeconds = Math.max(growingWait(looks + 1), askedSeconds(error));
      const state = isThrottled ? { ...standing, throttledSinceMs } : before;
      return { state: { ...state, looks: looks + 1 }, waitSeconds };
    }
  }

  /** Reads what can be read without counting first what is pending. */
  async function lastLook(
    request: ImportRequest,
    { behind: _, ...before }: Phase<'collecting'>,
  ): Promise<Progress> {
    try {
      return await look(request, before, true);
    } catch (error) {
      if (!isPassing(error) || !(await isUpDespite((await opened(request)).scope, error))) throw error;
      const reason = `its verdicts cannot be read: ${error instanceof Error ? error.message : String(error)}`;
      return { state: abandon(before, reason, scope.clock.now(), false) };
    }
  }

  async function look(
    request: ImportRequest,
    before: Phase<'collecting'>,
    isLast = false,
  ): Promise<Progress> {
    const state = isLast ? before : await lookBehind(request, before);
    if (state.behind) return { state, waitSeconds: 1 };
    const quietMs = scope.clock.now() - state.progressAtMs;
    const { plan } = await opened(request);
    const inDoubtMs = plan.settings.inDoubtSeconds * 1000;
    const awaitedRows = quietMs < inDoubtMs ? 'all' : 'uninterrupted';
    const isOver =
      isLast || (before.pendingBehind !== undefined && quietMs >= state.verdictTimeoutSeconds * 1000);
    const collected = await collectGroups(request, state, isOver ? 'none' : awaitedRows);
    const isComplete = collected.collectedGroups === collected.loadedGroups;
    const lines = collected.rows + collected.rejected;
    const stopReason = collected.stopReason ?? tooManyFailures(plan.settings, collected, lines, isComplete);
    const after = { ...collected, ...(stopReason === undefined ? {} : { stopReason }) };
    if (isComplete) {
      const { pending: _, pendingBehind: __, progressAtMs: ___, looks: ____, ...finished } = after;
      return { state: { ...finished, phase: 'finished', isAbandoned: false } };
    }
    const looks = after.progressAtMs === before.progressAtMs ? state.looks + 1 : 1;
    return { state: { ...after, looks }, waitSeconds: growingWait(looks) };
  }

  /** Before the first group is given up for standing still: whether the instance is busy with those behind it. */
  async function lookBehind(
    request: ImportRequest,
    state: Phase<'collecting'>,
  ): Promise<Phase<'collecting'>> {
    const quietMs = scope.clock.now() - state.progressAtMs;
    if (2 * quietMs < state.verdictTimeoutSeconds * 1000) return state;
    const { plan, closed, scope: opening } = await opened(request);
    const { behind, ...rest } = state;
    let pendingBehind = behind?.pending ?? 0;
    for (let group = behind?.group ?? state.collectedGroups + 1; group < state.loadedGroups; group++) {
      if (scope.deadline.passed(spareMs)) return { ...state, behind: { group, pending: pendingBehind } };
      const chunks = knownChunks(await closed.get(group));
      pendingBehind += (await countPending(opening, plan, chunks, false)).pending;
    }
    const isBusy = state.pendingBehind !== undefined && state.pendingBehind !== pendingBehind;
    return { ...rest, pendingBehind, ...(isBusy && { progressAtMs: scope.clock.now() }) };
  }

  async function collectGroups<State extends Phase<'loading'> | Phase<'collecting'>>(
    request: ImportRequest,
    before: State,
    awaitedRows: AwaitedRows,
    atMost = Number.POSITIVE_INFINITY,
  ): Promise<State> {
    const { progress, ...tools } = await opened(request);
    let state = before;
    const until = Math.min(state.loadedGroups, state.collectedGroups + atMost);
    while (state.collectedGroups < until && !scope.deadline.passed(spareMs)) {
      const verdict = await collectVerdicts(tools, state.collectedGroups, awaitedRows).catch(
        (error: unknown) => {
          // What was read before is kept; the next look meets the error again.
          if (state === before || !isPassing(error)) throw error;
          return undefined;
        },
      );
      if (verdict === undefined) break;
      if ('pending' in verdict) {
        if (state.phase === 'collecting' && verdict.pending !== state.pending)
          state = { ...state, pending: verdict.pending, progressAtMs: scope.clock.now() };
        break;
      }
      state = { ...state, ...addVerdict(state, verdict) };
      if (state.phase === 'collecting') {
        state = { ...state, progressAtMs: scope.clock.now(), pendingBehind: undefined };
        const shown = state;
        progress.show(() => progressOf(request, shown, tools.plan, 'verdicts', 0, shown.cursor.byte));
      }
      latest = state.tally;
    }
    return state;
  }
}

/** Rate limits of ServiceNow count by the hour: what is turned away for longer than two of them does not pass by itself. */
const longestThrottledMs = 7_200_000;

/** How long verdicts may be unread while the instance is up. */
function unreadForMs(verdictTimeoutSeconds: number, error: unknown): number {
  const leastMs = error instanceof ThrottledError ? longestThrottledMs : 0;
  return Math.max(leastMs, verdictTimeoutSeconds * 1000);
}

/** The waits between looks: 1 s, then half as long again each time. */
function growingWait(looks: number): number {
  return Math.min(longestLookSeconds, Math.ceil(1.5 ** Math.min(looks - 1, 40)));
}

function shortEnough(summary: ImportSummary): ImportSummary {
  if (Buffer.byteLength(JSON.stringify(summary)) <= maxAnswerBytes) return summary;
  const { settings: _, file: __, targetTables: ___, ...rest } = summary;
  return { ...rest, messages: [] };
}

/** What the schedule refuses says nothing of the import, which has sent rows: it goes on once the state table may be used again. */
async function passing<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.retryable) throw error;
    throw new RetryLaterError(error.message, turnDelaySeconds, { cause: error });
  }
}

/** Waits for both even when one fails, so that nothing goes on behind the back of the next attempt. */
async function bothToTheEnd<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}
