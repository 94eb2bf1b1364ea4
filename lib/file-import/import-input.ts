import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import { frequentMessageSchema, tallySchema } from './load/row-outcome.ts';
import { sampleSchema } from './report/speed-chart.ts';
import {
  type ImportRequest,
  importRequestSchema,
  parseDropKey,
  resultsFolder,
} from './schedule/import-request.ts';
import { baseLeaseSeconds, type ImportState, importStateSchema, positionSchema } from './state.ts';

const inputSchema = z.object({ request: importRequestSchema, resume: z.optional(importStateSchema) });

/** What an execution is started with: the first one with the request alone, a chained one with where it goes on. */
export type ImportInput = z.infer<typeof inputSchema>;

/** The version of the state that this release writes. */
const stateVersion = 2;

const versionedSchema = z.object({ resume: z.object({ version: z.number() }) });

/**
 * Reads the input of an execution; one that the release before this started or chained is migrated.
 * @throws InvalidInputError when a newer release wrote it, as after a rollback; ZodError when it is no input
 */
export function parseInput(input: unknown): ImportInput {
  const { data: versioned } = versionedSchema.safeParse(input);
  if (versioned && versioned.resume.version > stateVersion)
    throw new InvalidInputError(
      'resume.version',
      `is ${versioned.resume.version}, this release reads up to ${stateVersion}: a newer release began this import. Deploy that release again, or drop the file again`,
    );
  const old = oldInputSchema.safeParse(input);
  return old.success ? migrated(old.data) : inputSchema.parse(input);
}

/** Strict, since only what it lacks distinguishes it from the request of this release. */
const oldRequestSchema = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  versionId: z.optional(z.string()),
  eTag: z.string(),
  size: z.number(),
  table: z.string(),
  droppedAt: z.string(),
  sequencer: z.string(),
});

/** The state of releases before this schema had a version. */
const oldStateSchema = z.object({
  part: z.number(),
  startedAt: z.string(),
  folder: z.string(),
  operationsPerExecution: z.number(),
  cursor: positionSchema,
  loadedGroups: z.number(),
  settledGroups: z.number(),
  ended: z.boolean(),
  rows: z.number(),
  rejected: z.number(),
  blankLines: z.number(),
  importSets: z.number(),
  tally: tallySchema,
  messages: z.array(frequentMessageSchema),
  samples: z.array(sampleSchema),
  begunAtMs: z.optional(z.number()),
  loadedAtMs: z.optional(z.number()),
  stopped: z.optional(z.string()),
  isGivenUp: z.optional(z.boolean()),
});

type OldState = z.infer<typeof oldStateSchema>;

const oldInputSchema = z.strictObject({ request: oldRequestSchema, resume: z.optional(oldStateSchema) });

function migrated({ request: old, resume }: z.infer<typeof oldInputSchema>): ImportInput {
  const drop = parseDropKey(old.key);
  if (!('table' in drop)) throw new TypeError(`${old.key} is not an import file`);
  const { name, format, gzip, folder, table } = drop;
  const named = { ...old, table, name, format, gzip };
  const request: ImportRequest = {
    ...named,
    settings: { key: `imports/${folder}/_import.json` },
    resultsFolder: resume?.folder ?? resultsFolder(named, 'results/'),
    deployment: '',
  };
  return { request, ...(resume ? { resume: migratedState(resume) } : {}) };
}

/** Longer than any setting of the release before. */
const oldWaitSeconds = 3_600;

function migratedState(old: OldState): ImportState {
  const { part, folder, settledGroups, ended, begunAtMs, loadedAtMs, stopped, isGivenUp, ...kept } = old;
  const base = {
    ...kept,
    version: 2,
    executionNumber: part,
    startedAt: begunAtMs === undefined ? kept.startedAt : new Date(begunAtMs).toISOString(),
    collectedGroups: settledGroups,
    leaseSeconds: baseLeaseSeconds + oldWaitSeconds,
    verdictTimeoutSeconds: oldWaitSeconds,
  } as const;
  const stopReason = stopped === undefined ? {} : { stopReason: stopped };
  const endedAtMs = loadedAtMs ?? Date.parse(kept.startedAt);
  if (isGivenUp && ended)
    return { ...base, ...stopReason, phase: 'finished', loadedAtMs: endedAtMs, isAbandoned: true };
  if (isGivenUp) return { ...base, phase: 'abandoned', stopReason: stopped ?? 'abandoned' };
  if (!ended) return { ...base, ...stopReason, phase: 'loading' };
  const unseen = { pending: -1, progressAtMs: endedAtMs, looks: 0 };
  return { ...base, ...stopReason, phase: 'collecting', loadedAtMs: endedAtMs, ...unseen };
}
