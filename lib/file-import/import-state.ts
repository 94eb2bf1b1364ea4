import * as z from 'zod/mini';
import { tallySchema } from './load/row-outcome.ts';
import { sampleSchema } from './report/speed-chart.ts';
import { importRequestSchema } from './schedule/import-request.ts';
import { frequentMessageSchema } from './verdicts/frequent-messages.ts';

const positionSchema = z.object({ byte: z.number(), line: z.number() });

/** How far an import is; travels from one operation to the next and into the next execution. */
export const importStateSchema = z.object({
  /** Counts executions, from 1. */
  part: z.number(),
  startedAt: z.string(),
  folder: z.string(),
  operationsPerExecution: z.number(),
  cursor: positionSchema,
  /** Groups loaded, and how many of them have their verdicts. */
  loadedGroups: z.number(),
  settledGroups: z.number(),
  ended: z.boolean(),
  /** Rows read so far that are no rejects, and empty lines. */
  rows: z.number(),
  rejected: z.number(),
  blankLines: z.number(),
  /** That were made so far; in `rows` mode nobody tells which set a row went to. */
  importSets: z.number(),
  tally: tallySchema,
  messages: z.array(frequentMessageSchema),
  samples: z.array(sampleSchema),
  /** When its turn had come. */
  begunAtMs: z.optional(z.number()),
  loadedAtMs: z.optional(z.number()),
  /** Why nothing more is sent; undefined while all is well. */
  stopped: z.optional(z.string()),
  /** The instance is asked nothing more: what is left of the file is only listed. */
  isGivenUp: z.optional(z.boolean()),
});

export type ImportState = z.infer<typeof importStateSchema>;

/** What an execution is started with: the first one with the request alone, a chained one with where it goes on. */
export const importInputSchema = z.strictObject({
  request: importRequestSchema,
  resume: z.optional(importStateSchema),
});

export type ImportInput = z.infer<typeof importInputSchema>;
