import { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { createS3Client } from '../../lib/aws/s3.ts';
import { emptyTally } from '../../lib/file-import/load/row-outcome.ts';
import { type ListedImport, listRuns } from '../import/list-imports.ts';
import { type ProgressView, viewProgress } from '../import/progress-view.ts';
import { countQueue, type QueueCounts } from '../queue/count-queue.ts';
import { readLetters } from '../queue/dead-letters.ts';
import type { DeadLetterQueue, RecordsQueues } from '../queue/found-queues.ts';
import { addOutcomes, type LastOutcome, newestLetters, rememberSummaries } from './last-outcomes.ts';
import { openOldestMessages } from './oldest-messages.ts';

/** A deployment at a glance. */
export type Status = {
  /** `the local stack`, or `AWS`. */
  readonly place: string;
  /** The CloudFormation stack that it was found by, and its state. */
  readonly stack: { readonly name: string; readonly state: string } | undefined;
  readonly queues: readonly (QueueCounts & {
    readonly name: string;
    /** Age of its oldest message; undefined where CloudWatch does not say. */
    readonly oldestSeconds: number | undefined;
  })[];
  readonly deadLetters: {
    readonly count: number;
    /** Of those that were looked at; the most frequent first. */
    readonly byCode: Readonly<Record<string, number>>;
    /** When the oldest of those was sent, ISO 8601. */
    readonly oldestSentAt: string | undefined;
    /** How many each queue holds, without those that hold none. */
    readonly byQueue: Readonly<Record<string, number>>;
  };
  /** In line and running, in the order of their drops; undefined where no bucket is known, false where there are no imports. */
  readonly imports: readonly ImportStatus[] | false | undefined;
  /** How the last imports ended, and the last dead letters; the newest first. */
  readonly lastOutcomes: readonly LastOutcome[];
};

export type ImportStatus = Partial<ProgressView> & {
  readonly folder: string;
  readonly startedAt: string | undefined;
};

/** How often SQS reports a metric. */
const metricMs = 60_000;
/** So old the codes of letters may be. */
const lettersMs = 30_000;
const mostLetters = 200;
const mostRuns = { unfinished: 50, ended: 5 };

/** Reads the status of a deployment, as often as asked. */
export function openStatus(
  queues: RecordsQueues,
  nowMs: () => number = Date.now,
): { read(): Promise<Status>; close(): void } {
  const sqs = new SQSClient({ maxAttempts: 3 });
  const s3 = createS3Client();
  const summaries = rememberSummaries(s3);
  const letters = queues.deadLetterQueues.map((queue) => rememberLetters(queue, queues.stateTable, nowMs));
  const oldest = openOldestMessages(queues.place === 'AWS' ? metricMs : 0);
  return {
    async read() {
      const named = [{ name: 'records', url: queues.queueUrl }, ...queues.others].filter(
        ({ url }) => url !== '',
      );
      const bucket = queues.importBucket;
      const [counts, ages, dead, runs] = await Promise.all([
        Promise.all(named.map(({ url }) => countQueue(sqs, url))),
        oldest.read(named.map(({ url }) => url)),
        Promise.all(queues.deadLetterQueues.map(({ url }) => countQueue(sqs, url))),
        bucket ? listRuns(s3, bucket, mostRuns) : undefined,
      ]);
      const read = await Promise.all(
        dead.map(({ visible, inFlight, delayed }, i) => letters[i]?.(visible + inFlight + delayed)),
      );
      return {
        place: queues.place,
        stack: queues.stack,
        queues: counts.map((count, i) => ({
          name: named[i]?.name ?? '',
          ...count,
          oldestSeconds: ages.get(named[i]?.url ?? ''),
        })),
        deadLetters: addLetters(read.map((one) => one?.counts)),
        imports: bucket === false ? false : runs?.unfinished.map(toImport),
        lastOutcomes: addOutcomes(
          bucket && runs ? await summaries.read(bucket, runs.ended) : [],
          read.flatMap((one) => one?.newest ?? []),
        ),
      };
    },
    close() {
      sqs.destroy();
      oldest.close();
      s3.destroy();
    },
  };
}

/** What a look at a dead-letter queue gave. */
type ReadLetters = { readonly counts: Status['deadLetters']; readonly newest: readonly LastOutcome[] };

/** Letters are looked at again when there are more or fewer of them, and after a while: others may have taken their places. */
function rememberLetters(
  { name, url }: DeadLetterQueue,
  stateTable: string | undefined,
  nowMs: () => number,
): (count: number) => Promise<ReadLetters> {
  let known: ReadLetters = { counts: addLetters([]), newest: [] };
  let readAtMs = 0;
  return async (count) => {
    if (count === known.counts.count && (count === 0 || nowMs() - readAtMs < lettersMs)) return known;
    readAtMs = nowMs();
    const letters = count === 0 ? [] : await readLetters(url, stateTable, mostLetters);
    const codes = [...Map.groupBy(letters, ({ code }) => code)]
      .map(([code, { length }]) => [code, length] as const)
      .toSorted(([, a], [, b]) => b - a);
    const [oldestSentAt] = letters.flatMap(({ sentAt }) => sentAt ?? []).toSorted();
    const byQueue = count === 0 ? {} : { [name]: count };
    const counts = { count, byCode: Object.fromEntries(codes), oldestSentAt, byQueue };
    known = { counts, newest: newestLetters(letters, name) };
    return known;
  };
}

/** Those of several queues. */
function addLetters(all: readonly (Status['deadLetters'] | undefined)[]): Status['deadLetters'] {
  const some = all.filter((one) => one !== undefined);
  const codes = new Map<string, number>();
  for (const [code, count] of some.flatMap(({ byCode }) => Object.entries(byCode)))
    codes.set(code, (codes.get(code) ?? 0) + count);
  return {
    count: some.reduce((sum, { count }) => sum + count, 0),
    byCode: Object.fromEntries([...codes].toSorted(([, a], [, b]) => b - a)),
    oldestSentAt: some.flatMap(({ oldestSentAt }) => oldestSentAt ?? []).toSorted()[0],
    byQueue: Object.assign({}, ...some.map(({ byQueue }) => byQueue)),
  };
}

/** What the view needs; the bucket may hold files of others. */
const readable = z.object({
  phase: z.enum(['waiting', 'pre-flight', 'loading', 'verdicts', 'done']),
  startedAt: z.string(),
  updatedAt: z.string(),
  bytes: z.object({ read: z.number(), total: z.number() }),
  rows: z.number(),
  counts: z.record(z.string(), z.number()),
});

function toImport({ folder, progress }: ListedImport): ImportStatus {
  if (progress === undefined || !readable.safeParse(progress).success)
    return { folder, startedAt: undefined };
  const counts = { ...emptyTally(), ...progress.counts };
  return { folder, startedAt: progress.startedAt, ...viewProgress({ ...progress, counts }) };
}
