import * as z from 'zod/mini';

const common = {
  schemaVersion: z.literal(1),
  /** The same for the same outcome, however often its event is sent. */
  id: z.string(),
  /** Service and stage. */
  deployment: z.string(),
};

const imported = {
  ...common,
  importId: z.string(),
  source: z.object({ bucket: z.string(), key: z.string(), versionId: z.optional(z.string()) }),
  stagingTable: z.string(),
};

const count = z.int().check(z.nonnegative());

const ended = {
  ...imported,
  lines: z.object({ rows: count, blank: count }),
  /** How the rows ended, by verdict. */
  counts: z.record(z.string(), count),
  seconds: z.number(),
  /** Keys in the bucket of `source`: summary, results, rejected, report. */
  results: z.record(z.string(), z.string()),
};

/** The `detail` of each event, by its `detail-type`. No column, no value, no text of ServiceNow's is in it. Published in `schemas/outcome-event.v1.schema.json`. */
export const outcomeDetails = {
  'Import Started': z.object(imported),
  'Import Finished': z.object(ended),
  'Import Stopped': z.object(ended),
  'Import Refused': z.object(ended),
  'Import Superseded': z.object(ended),
  /** A file that is not where import files belong. */
  'Drop Refused': z.object({ ...common, source: imported.source, results: z.record(z.string(), z.string()) }),
  'Message Dead-Lettered': z.object({
    ...common,
    /** `standard` and `fifo` are records queues. */
    queue: z.enum(['standard', 'fifo', 'events']),
    messageId: z.string(),
    /** The message's idempotency key, where an attribute gives one. */
    key: z.optional(z.string()),
    code: z.string(),
    attempts: count,
    /** Of the invocation, to find its log lines. */
    requestId: z.string(),
  }),
  /** A signal was carried out, or was found to need nothing. */
  'Signal Applied': z.object({
    ...common,
    messageId: z.string(),
    table: z.string(),
    /** Of the thing that the signal is about, as its sender chose it. */
    key: z.string(),
    signal: z.enum(['open', 'update', 'resolve', 'note']),
    /** `done`; `duplicate`: it had been applied before; `stale`: a later one was; `ignored`: it changes nothing. */
    verdict: z.enum(['done', 'duplicate', 'stale', 'ignored']),
  }),
  'Credentials Rejected': z.object({
    ...common,
    /** Name of the instance in the deployment. */
    instance: z.string(),
  }),
} as const;
