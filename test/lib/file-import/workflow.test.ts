import { expect, it } from 'vitest';
import type { Activities } from '../../../lib/file-import/activities.ts';
import { parseInput } from '../../../lib/file-import/import-input.ts';
import { RetryLaterError } from '../../../lib/file-import/retry-later-error.ts';
import { type ImportState, loadingState, waitingState } from '../../../lib/file-import/state.ts';
import { UnreadableObjectError } from '../../../lib/file-import/unreadable-object.ts';
import { runImport } from '../../../lib/file-import/workflow.ts';
import { manualClock } from '../core/manual-clock.ts';
import { importRequest } from './import-request.ts';
import { memoryDurable } from './memory-durable.ts';

/** Runs an import that never ends by itself, until it goes on in another execution. */
async function untilChained(messageLength: number, stepMs: number) {
  const clock = manualClock();
  const state: ImportState = {
    ...loadingState(waitingState(), {
      startedAt: new Date(clock.now()).toISOString(),
      cursor: { byte: 0, line: 1 },
      operationsPerExecution: 2_500,
      leaseSeconds: 1_800,
      verdictTimeoutSeconds: 60,
    }),
    messages: [{ outcome: 'error', message: 'x'.repeat(messageLength), count: 1, lines: [2] }],
  };
  let steps = 0;
  const chained: ImportState[] = [];
  const activities: Activities = {
    now: () => clock.now(),
    logFailure: () => undefined,
    async advance() {
      steps++;
      clock.advance(stepMs);
      return { state };
    },
    async continueElsewhere(_, resume) {
      chained.push(resume);
      return 'next';
    },
    finish: () => Promise.reject(new Error('it never ends')),
    leave: async () => undefined,
  };
  const answer = await runImport(memoryDurable(new Map(), clock), activities, { request: importRequest() });
  expect(answer).toEqual({ continuedBy: 'next' });
  expect(chained.map(({ executionNumber }) => executionNumber)).toEqual([2]);
  return steps;
}

it('goes on in another execution before AWS has kept 100 MB of results for this one', async () => {
  const steps = await untilChained(200_000, 0);
  expect(steps).toBeGreaterThan(250);
  expect(steps).toBeLessThan(350);
});

it('goes on in another execution after a day, well before this one would be ended', async () => {
  expect(await untilChained(1, 3_600_000)).toBe(26);
});

it('waits for the right to the file only since it is missing again, after an outage of another kind', async () => {
  const clock = manualClock();
  const unreadable = () => new UnreadableObjectError('403');
  const errors = [
    unreadable(),
    ...Array.from({ length: 8 }, () => new RetryLaterError('away', 60)),
    unreadable(),
  ];
  let chained = 0;
  const activities: Activities = {
    now: () => clock.now(),
    logFailure: () => undefined,
    async advance() {
      const error = errors.shift();
      if (error) throw error;
      chained++;
      throw new TypeError('the end');
    },
    continueElsewhere: () => Promise.reject(new Error('not so long')),
    finish: async () => Promise.reject(new TypeError('no results')),
    leave: async () => undefined,
  };
  const run = runImport(memoryDurable(new Map(), clock), activities, { request: importRequest() });
  await expect(run).rejects.toThrow('no results');
  expect([errors.length, chained]).toEqual([0, 1]);
});

const oldRequest = {
  bucket: 'b',
  key: 'imports/IMP_User/sub/people.csv.gz',
  eTag: 'e',
  size: 1,
  table: 'imp_user',
  droppedAt: '2026-11-24T03:00:00.000Z',
  sequencer: '1',
};
const counts = {
  inserted: 5,
  updated: 0,
  ignored: 0,
  skipped: 0,
  error: 0,
  rejected: 0,
  unknown: 0,
  notSent: 0,
};
const oldState = {
  part: 3,
  startedAt: '2026-11-24T03:00:00.000Z',
  folder: 'results/imp_user/sub/people/1/',
  operationsPerExecution: 2_500,
  cursor: { byte: 900, line: 12 },
  loadedGroups: 4,
  settledGroups: 2,
  ended: false,
  rows: 10,
  rejected: 1,
  blankLines: 0,
  importSets: 2,
  tally: counts,
  messages: [],
  samples: [],
};

it.each([
  ['loading', {}, { phase: 'loading' }],
  ['stopped, with rows left', { stopped: 'too many' }, { phase: 'loading', stopReason: 'too many' }],
  ['read to its end', { ended: true, loadedAtMs: 7 }, { phase: 'collecting', loadedAtMs: 7 }],
  ['given up', { isGivenUp: true, stopped: 'away' }, { phase: 'abandoned', stopReason: 'away' }],
  ['given up at its end', { isGivenUp: true, ended: true }, { phase: 'finished', isAbandoned: true }],
])('goes on where an execution of the release before left it: %s', (_, more, expected) => {
  const { request, resume } = parseInput({ request: oldRequest, resume: { ...oldState, ...more } });
  expect(request).toMatchObject({
    table: 'imp_user',
    name: 'sub/people',
    format: 'csv',
    gzip: true,
    settings: { key: 'imports/IMP_User/_import.json' },
    resultsFolder: oldState.folder,
  });
  expect(resume).toMatchObject({
    version: 2,
    executionNumber: 3,
    loadedGroups: 4,
    collectedGroups: 2,
    cursor: oldState.cursor,
    tally: counts,
    ...expected,
  });
  // The migrated input is one of this release.
  expect(parseInput(JSON.parse(JSON.stringify({ request, resume })))).toEqual({ request, resume });
});

it('refuses what a newer release left, after a rollback, and says what to do', () => {
  const input = { request: oldRequest, resume: { version: 3, phase: 'loading' } };
  expect(() => parseInput(input)).toThrow(
    /resume\.version: is 3, this release reads up to 2.*Deploy that release again, or drop the file again/,
  );
});

/** An import that is loading, and what its workflow did. */
function watched(differences: Partial<Activities>, operationsPerExecution = 2_500) {
  const clock = manualClock();
  const options = {
    startedAt: new Date(clock.now()).toISOString(),
    cursor: { byte: 0, line: 1 },
    operationsPerExecution,
    leaseSeconds: 1_800,
    verdictTimeoutSeconds: 60,
  };
  const finished: ImportState[] = [];
  const activities: Activities = {
    now: () => clock.now(),
    logFailure: () => undefined,
    advance: async (_, state) => ({ state }),
    continueElsewhere: async () => 'next',
    async finish(_, state) {
      finished.push(state);
      return JSON.parse('{"status":"stopped"}');
    },
    leave: async () => undefined,
    ...differences,
  };
  const run = (resume?: ImportState) =>
    runImport(memoryDurable(new Map(), clock), activities, {
      request: importRequest(),
      ...(resume && { resume }),
    });
  return { clock, finished, run, loading: loadingState(waitingState(), options) };
}

it('ends with the results of what it sent where no other execution can be started', async () => {
  let listed = 0;
  const { finished, run, loading } = watched(
    {
      async advance(_, state) {
        if (state.phase === 'abandoned' && ++listed === 5)
          return { state: { ...state, phase: 'finished', isAbandoned: true } };
        return { state };
      },
      continueElsewhere: () => Promise.reject(new Error('Lambda is away')),
    },
    8,
  );
  expect(await run({ ...loading, rows: 2_000 })).toEqual({ status: 'stopped' });
  expect(listed).toBe(5);
  expect(finished).toMatchObject([
    {
      rows: 2_000,
      stopReason: expect.stringContaining('could not be started: Lambda is away'),
      mayPass: true,
    },
  ]);
});

it('ends within what AWS allows where no other execution can be started and the rest of the file is long', async () => {
  const { finished, run, loading } = watched(
    { continueElsewhere: () => Promise.reject(new Error('Lambda is away')) },
    8,
  );
  expect(await run(loading)).toEqual({ status: 'stopped' });
  expect(finished).toMatchObject([{ isAbandoned: true }]);
});

it('dates an import by the time of a defect in its first step', async () => {
  const { clock, finished, run } = watched({ advance: () => Promise.reject(new TypeError('a defect')) });
  await run();
  expect(finished).toMatchObject([{ startedAt: new Date(clock.now()).toISOString() }]);
});

it('remembers no reason that is too long for its state', async () => {
  const { finished, run } = watched({
    advance: () => Promise.reject(new TypeError(`column ${'x'.repeat(300_000)} is not known`)),
  });
  await run();
  expect(finished[0]).toMatchObject({ stopReason: expect.stringMatching(/^abandoned: column x{3,}/) });
});
