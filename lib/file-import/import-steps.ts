import { failuresSoFar, tooManyFailures } from './failure-limit.ts';
import { boundHeap } from './heap.ts';
import { progressOf } from './import-progress.ts';
import { type ImportSurroundings, scopeOf } from './import-scope.ts';
import type { ImportInput, ImportState } from './import-state.ts';
import { claimedSets } from './load/ledger.ts';
import { loadGroup } from './load/load-group.ts';
import { addTally, type Tally } from './load/row-outcome.ts';
import { openOnce } from './open-import.ts';
import { defaultSettings } from './plan/settings.ts';
import { planImport, readSettings, resultsFolder } from './plan-import.ts';
import { pinnedObject } from './read/pinned-object.ts';
import { finishImport } from './report/finish-import.ts';
import { progressWriter } from './report/progress.ts';
import type { ImportSummary } from './report/summary.ts';
import { executionName, type ImportRequest } from './schedule/import-request.ts';
import type { Turns } from './schedule/turns.ts';
import { settled } from './settled.ts';
import { afterGroup, firstState } from './state-changes.ts';
import { mergeMessages } from './verdicts/frequent-messages.ts';
import { settleGroup } from './verdicts/settle-group.ts';
import { importFolder } from './work-folder.ts';

/** Starts the execution that an import goes on in. */
export type StartExecution = (name: string, input: ImportInput) => Promise<void>;

/** Where following the verdicts stands. */
export type Following = {
  readonly state: ImportState;
  readonly pending: number;
  readonly progressAtMs: number;
};

/** What the operations of one import do to the world; made anew for each invocation. */
export type ImportSteps = ReturnType<typeof importSteps>;

/** No verdicts are read any more when less than this is left of an invocation. */
const spareMs = 90_000;
/** Verdicts are read beside the loading, a little faster than groups come. */
const groupsPerLoad = 2;

export function importSteps(scope: ImportSurroundings, turns: Turns, startExecution: StartExecution) {
  const opened = openOnce(scope);
  /** Verdicts are read beside the loading, which shows its progress with them. */
  let latest: Tally | undefined;

  return {
    /** Settles when the execution began and where its results go. */
    async start(request: ImportRequest): Promise<ImportState> {
      const startedAt = new Date(scope.clock.now()).toISOString();
      const settings = await settled(() => readSettings(scope, request));
      const { resultsPrefix, operationsPerExecution } =
        'value' in settings ? settings.value : defaultSettings;
      const folder = resultsFolder(request, startedAt, resultsPrefix);
      const state = firstState(startedAt, folder, operationsPerExecution);
      const files = importFolder(scope.s3, request.bucket, folder);
      const progress = progressOf(request, state, undefined, 'waiting', 0, 0);
      await Promise.all([turns.queue(request), progressWriter(files, scope.clock).store(progress)]);
      return state;
    },

    async takeTurn(request: ImportRequest): Promise<{ granted: boolean }> {
      return { granted: await turns.take(request) };
    },

    /** Checks everything that can be known before the first row; a problem stops the import. */
    async preflight(request: ImportRequest, state: ImportState): Promise<ImportState> {
      const begunAtMs = scope.clock.now();
      const begun = { ...state, begunAtMs };
      const folder = importFolder(scope.s3, request.bucket, state.folder);
      const progress = progressOf(request, begun, undefined, 'pre-flight', 0, 0);
      const [planned] = await Promise.all([
        settled(async () => {
          const settings = await readSettings(scope, request);
          return planImport(scopeOf(scope, request, settings), request, settings, state);
        }),
        progressWriter(folder, scope.clock).store(progress),
      ]);
      if ('problem' in planned) return { ...begun, ended: true, stopped: planned.problem };
      const stored = JSON.stringify(planned.value);
      await folder.write('work/plan.json', stored);
      await opened(request, begun, stored);
      return { ...begun, cursor: planned.value.content.start };
    },

    /**
     * Sends the next group, and meanwhile reads the verdicts of earlier ones that the instance is done with.
     * Both can be run again from the same state.
     * @param isFollowed the next group is loaded by this execution, too
     */
    async load(request: ImportRequest, state: ImportState, isFollowed: boolean): Promise<ImportState> {
      if (state.isGivenUp) return loadNext(request, state, isFollowed);
      await turns.renew(request);
      boundHeap();
      const following = { state, pending: 0, progressAtMs: 0 };
      const [loaded, settled] = await bothToTheEnd(
        loadNext(request, state, isFollowed),
        settleGroups(request, following, true, groupsPerLoad),
      );
      const { settledGroups, tally, messages } = settled.state;
      const after = { ...loaded, settledGroups, tally, messages };
      if (after.ended) return after;
      const stopped = after.stopped ?? tooManyFailures((await opened(request, state)).plan, after);
      return stopped === undefined ? after : { ...after, stopped };
    },

    startFollowing(state: ImportState): Following {
      return { state, pending: -1, progressAtMs: scope.clock.now() };
    },

    /** One look at the groups without verdicts. */
    async follow(request: ImportRequest, following: Following): Promise<Following> {
      await turns.renew(request);
      const { plan } = await opened(request, following.state);
      const idleMs = scope.clock.now() - following.progressAtMs;
      return settleGroups(request, following, idleMs < plan.settings.verdictTimeoutSeconds * 1000);
    },

    /**
     * The import cannot go on: what is known so far becomes its result, and what was not read yet is listed as not
     * sent, unless that cannot be done either.
     */
    giveUp(state: ImportState, error: unknown, isPlanned: boolean): ImportState {
      scope.log.error('import-gave-up', { folder: state.folder, reason: String(error) });
      const reason = error instanceof Error ? error.message : String(error);
      const ended = state.ended || !isPlanned || state.isGivenUp === true;
      return { ...state, ended, stopped: state.stopped ?? `given up: ${reason}`, isGivenUp: true };
    },

    async continueElsewhere(request: ImportRequest, state: ImportState): Promise<{ continuedBy: string }> {
      const resume = { ...state, part: state.part + 1 };
      const name = `${executionName(request)}-${resume.part}`;
      await startExecution(name, { request, resume });
      return { continuedBy: name };
    },

    async finish(request: ImportRequest, state: ImportState): Promise<ImportSummary> {
      const folder = importFolder(scope.s3, request.bucket, state.folder);
      const summary = await finishImport(
        folder,
        request,
        state,
        pinnedObject(scope.s3, request),
        scope.clock,
      );
      await Promise.all([folder.clearWork(), turns.release(request)]);
      return summary;
    },
  };

  async function loadNext(
    request: ImportRequest,
    state: ImportState,
    isFollowed: boolean,
  ): Promise<ImportState> {
    const { progress, ...tools } = await opened(request, state);
    const { scope, plan, folder } = tools;
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
      sending: state.stopped === undefined,
      isGivenUp: state.isGivenUp === true,
      isFollowed,
      mayReject: (plan.settings.maxErrors ?? Number.POSITIVE_INFINITY) - failuresSoFar(state),
      claimedBefore: () => claimedSets(folder, state.loadedGroups),
    };
    return afterGroup(state, await loadGroup({ ...tools, onProgress }, task), scope.clock.now());
  }

  async function settleGroups(
    request: ImportRequest,
    following: Following,
    patient: boolean,
    atMost = Number.POSITIVE_INFINITY,
  ): Promise<Following> {
    const { progress, ...tools } = await opened(request, following.state);
    let { state, pending, progressAtMs } = following;
    const until = Math.min(state.loadedGroups, state.settledGroups + atMost);
    while (state.settledGroups < until && !scope.deadline.passed(spareMs)) {
      const verdict = await settleGroup(tools, state.settledGroups, patient);
      if ('pending' in verdict) {
        if (verdict.pending !== pending) progressAtMs = scope.clock.now();
        pending = verdict.pending;
        break;
      }
      const tally = addTally(state.tally, verdict.tally);
      const messages = mergeMessages(state.messages, verdict.messages);
      state = { ...state, settledGroups: state.settledGroups + 1, tally, messages };
      progressAtMs = scope.clock.now();
      latest = tally;
      const shown = state;
      if (shown.ended)
        progress.show(() => progressOf(request, shown, tools.plan, 'verdicts', 0, shown.cursor.byte));
    }
    return { state, pending, progressAtMs };
  }
}

/** Waits for both even when one fails, so that nothing goes on behind the back of the next attempt. */
async function bothToTheEnd<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}
