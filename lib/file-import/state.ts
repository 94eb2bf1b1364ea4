import * as z from 'zod/mini';
import type { GroupOutcome } from './load/load-group.ts';
import { emptyTally, failures, frequentMessageSchema, type Tally, tallySchema } from './load/row-outcome.ts';
import type { ImportSettings } from './plan/settings.ts';
import { addSample, sampleSchema } from './report/speed-chart.ts';

export const positionSchema = z.object({ byte: z.number(), line: z.number() });

const common = {
  /** Of this schema. An execution that an older release chained is migrated. */
  version: z.literal(2),
  /** Counts the executions of this import, from 1. */
  executionNumber: z.number(),
  operationsPerExecution: z.number(),
  /** How long the lease lasts after a renewal: longer than the longest wait between two operations. */
  leaseSeconds: z.number(),
  /** Present while every attempt fails. */
  failing: z.optional(
    z.object({
      sinceMs: z.number(),
      attempts: z.number(),
      /** Since when the file or its settings may not be read. */
      unreadableSinceMs: z.optional(z.number()),
      /** How often in a row the instance refused the credentials. */
      rejections: z.optional(z.number()),
      /** Since when S3 refuses what is stored during an import. */
      deniedSinceMs: z.optional(z.number()),
      /** Since when the instance is up and only the verdicts cannot be read. */
      unreadVerdictsSinceMs: z.optional(z.number()),
    }),
  ),
};

const loaded = {
  ...common,
  /** It has given up its turn before its end; nothing may be sent any more. */
  hasLeft: z.optional(z.literal(true)),
  /** ISO time at which work on the file began. */
  startedAt: z.string(),
  cursor: positionSchema,
  /** Groups loaded, and how many of them have their verdicts. */
  loadedGroups: z.number(),
  collectedGroups: z.number(),
  /** Rows read so far that are no rejects, and empty lines. */
  rows: z.number(),
  rejected: z.number(),
  blankLines: z.number(),
  /** That were made so far; in `rows` mode the instance does not say which set a row went to. */
  importSets: z.number(),
  tally: tallySchema,
  /** Rows that arrived, or were there already, as far as their verdicts are known; absent where an earlier release began. */
  arrived: z.optional(z.number()),
  messages: z.array(frequentMessageSchema),
  samples: z.array(sampleSchema),
  /** How long verdicts may make no progress. */
  verdictTimeoutSeconds: z.number(),
  /** How many lines the file has: more rather than fewer. Counted once, when the share of those that failed so far is too large. */
  linesAtMost: z.optional(z.number()),
  /** Why the file may not be read any more: the import ends as with a damaged one. */
  fileLost: z.optional(z.string()),
  /** It was abandoned for a reason that may pass, such as an outage. */
  mayPass: z.optional(z.literal(true)),
};

const waitingSchema = z.object({ phase: z.literal('waiting'), ...common });

const loadingSchema = z.object({
  phase: z.literal('loading'),
  ...loaded,
  /** Why nothing more is sent: the rest of the file is only listed. */
  stopReason: z.optional(z.string()),
});

const collectingSchema = z.object({
  phase: z.literal('collecting'),
  ...loaded,
  loadedAtMs: z.number(),
  stopReason: z.optional(z.string()),
  /** Rows that were not transformed yet at the last look, and when that number last changed. */
  pending: z.number(),
  progressAtMs: z.number(),
  /** The same of all groups behind the first one without verdicts; counted once that one has stood still for a while. */
  pendingBehind: z.optional(z.number()),
  /** How far counting them came, and how many there are until there, where it took longer than an invocation. */
  behind: z.optional(z.object({ group: z.number(), pending: z.number() })),
  /** Since when the instance turns reads of verdicts away; absent where it does not. */
  throttledSinceMs: z.optional(z.number()),
  looks: z.number(),
});

const abandonedSchema = z.object({ phase: z.literal('abandoned'), ...loaded, stopReason: z.string() });

const finishedSchema = z.object({
  phase: z.literal('finished'),
  ...loaded,
  loadedAtMs: z.optional(z.number()),
  stopReason: z.optional(z.string()),
  /** Some verdicts were never read: those rows are unknown. */
  isAbandoned: z.boolean(),
});

/**
 * How far an import is; travels from one operation to the next and into the next execution.
 *
 * - `waiting`: the pre-flight has not passed.
 * - `loading`: groups of rows are sent, or listed once there is a reason to stop.
 * - `collecting`: all of the file is read; verdicts are read back.
 * - `abandoned`: the instance is asked nothing more; the rest of the file is listed.
 * - `finished`: only the result files are to be written.
 */
export const importStateSchema = z.discriminatedUnion('phase', [
  waitingSchema,
  loadingSchema,
  collectingSchema,
  abandonedSchema,
  finishedSchema,
]);

export type ImportState = z.infer<typeof importStateSchema>;
export type Phase<Name extends ImportState['phase']> = Extract<ImportState, { phase: Name }>;
/** A state once work on the file has begun. */
export type BegunState = Exclude<ImportState, { phase: 'waiting' }>;

/** An invocation of 15 minutes that ends with being asked to wait for 25 (`longestAskedSeconds`), and 5 to spare. */
export const baseLeaseSeconds = 2_700;

const defaultOperationsPerExecution = 2_500;

/** The state of an import that has not begun. */
export function waitingState(): Phase<'waiting'> {
  return {
    phase: 'waiting',
    version: 2,
    executionNumber: 1,
    operationsPerExecution: defaultOperationsPerExecution,
    leaseSeconds: baseLeaseSeconds,
  };
}

/** A reason may quote the file, whose header may be one line of megabytes; a state has to stay below 256 KB. */
const longestReason = 4_000;

function shortReason(reason: string): string {
  return reason.length <= longestReason ? reason : `${reason.slice(0, longestReason)}…`;
}

/** What an import knows of its settings before its first row. */
export type BeginOptions = Pick<
  Phase<'loading'>,
  'startedAt' | 'cursor' | 'operationsPerExecution' | 'leaseSeconds' | 'verdictTimeoutSeconds'
>;

/** The state once the pre-flight has passed. */
export function loadingState(before: ImportState, options: BeginOptions): Phase<'loading'> {
  return {
    version: 2,
    executionNumber: before.executionNumber,
    phase: 'loading',
    loadedGroups: 0,
    collectedGroups: 0,
    rows: 0,
    rejected: 0,
    blankLines: 0,
    importSets: 0,
    tally: emptyTally(),
    arrived: 0,
    messages: [],
    samples: [],
    ...options,
  };
}

/** The state of an import that is over before its first row. */
export function refusedState(before: ImportState, stopReason: string, startedAt: string): Phase<'finished'> {
  const { operationsPerExecution, leaseSeconds } = before;
  const options = { startedAt, cursor: { byte: 0, line: 1 }, operationsPerExecution, leaseSeconds };
  return {
    ...loadingState(before, { ...options, verdictTimeoutSeconds: 0 }),
    phase: 'finished',
    stopReason: shortReason(stopReason),
    isAbandoned: false,
  };
}

/** The state once a group is loaded, or listed. */
export function afterGroup(
  state: Phase<'loading'> | Phase<'abandoned'>,
  group: GroupOutcome,
  nowMs: number,
): BegunState {
  const rows = state.rows + group.rows;
  const rejected = state.rejected + group.rejected;
  const isSent = state.phase === 'loading' && state.stopReason === undefined;
  const sent = (state.samples.at(-1)?.rows ?? 0) + (isSent ? group.rows : 0);
  const counted = {
    ...state,
    cursor: group.next,
    loadedGroups: state.loadedGroups + 1,
    rows,
    rejected,
    blankLines: state.blankLines + group.blankLines,
    importSets: state.importSets + group.importSets,
    samples: addSample(state.samples, { atMs: nowMs, rows: sent }),
  };
  if (counted.phase === 'abandoned')
    return group.ended ? { ...counted, phase: 'finished', loadedAtMs: nowMs, isAbandoned: true } : counted;
  const stopReason = counted.stopReason ?? group.refused ?? group.readError;
  const stopped = {
    ...counted,
    ...(stopReason === undefined ? {} : { stopReason: shortReason(stopReason) }),
  };
  if (!group.ended) return stopped;
  const unseen = { pending: -1, progressAtMs: nowMs, looks: 0 };
  return { ...stopped, phase: 'collecting', loadedAtMs: nowMs, ...unseen };
}

/**
 * The state of an import that cannot go on: what is known so far becomes its result. What was not read yet is listed as not
 * sent, unless that fails too.
 * @param mayPass every attempt has failed for too long, though the reason may pass
 */
export function abandon(state: ImportState, reason: string, nowMs: number, mayPass: boolean): ImportState {
  const stopReason = shortReason(`abandoned: ${reason}`);
  const passing = mayPass ? ({ mayPass } as const) : {};
  switch (state.phase) {
    case 'waiting':
      return { ...refusedState(state, stopReason, new Date(nowMs).toISOString()), ...passing };
    case 'loading':
      // What was stopped before, say by maxErrors, is no victim of the outage.
      return {
        ...state,
        phase: 'abandoned',
        stopReason: state.stopReason ?? stopReason,
        ...(state.stopReason === undefined ? passing : {}),
      };
    case 'collecting':
      return { ...state, phase: 'finished', stopReason: state.stopReason ?? stopReason, isAbandoned: true };
    case 'abandoned':
      return { ...state, phase: 'finished', isAbandoned: true };
    case 'finished':
      return state;
  }
}

/** What is known of the rows of an import so far. */
type Known = {
  /** Of the groups whose verdicts were read. */
  readonly tally: Tally;
  /** Rejected lines, also of groups whose verdicts were not read yet. */
  readonly rejected: number;
};

/** Lines that certainly failed. */
export function failuresSoFar({ tally, rejected }: Known): number {
  return failures(tally) - tally.rejected + Math.max(rejected, tally.rejected);
}

/**
 * Why an import has to stop by its `maxErrors` or `maxErrorPercent`; undefined while it may go on. The share is that of the whole
 * file: bad lines that come first, or whose verdicts do, are no sign of what the others are like.
 * @param lines how many lines the file has: all of them, once they are read; before that, more rather than fewer
 * @param isComplete the verdict of every line is known
 */
export function tooManyFailures(
  { maxErrors, maxErrorPercent }: Pick<ImportSettings, 'maxErrors' | 'maxErrorPercent'>,
  known: Known,
  lines: number,
  isComplete = false,
): string | undefined {
  const failed = failuresSoFar(known);
  if (maxErrors !== undefined && failed > maxErrors)
    return `${failed} ${failed === 1 ? 'row' : 'rows'} failed, maxErrors is ${maxErrors}`;
  const percent = lines === 0 ? 0 : (100 * failed) / lines;
  if (maxErrorPercent !== undefined && percent > maxErrorPercent)
    return `${isComplete ? '' : 'at least '}${percent.toFixed(1)} % of the rows failed, maxErrorPercent is ${maxErrorPercent}`;
  return undefined;
}
