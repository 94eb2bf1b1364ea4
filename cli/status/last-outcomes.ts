import type { S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { readText } from '../../lib/aws/s3.ts';
import { rowOutcomes } from '../../lib/file-import/load/row-outcome.ts';
import type { Letter } from '../queue/dead-letters.ts';

/** How something ended that was sent or dropped. */
export type LastOutcome =
  | {
      readonly kind: 'import';
      /** ISO 8601. */
      readonly at: string;
      readonly key: string;
      readonly table: string;
      /** `completed`, `stopped`, `refused` or `superseded`. */
      readonly status: string;
      readonly reason: string | undefined;
      readonly rows: number;
      /** How many rows came to each outcome, without those that none came to. */
      readonly counts: Readonly<Record<string, number>>;
    }
  | {
      readonly kind: 'dead letter';
      /** When its message was sent to the dead-letter queue, ISO 8601. */
      readonly at: string;
      readonly key: string;
      readonly code: string;
      readonly reason: string | undefined;
      /** The dead-letter queue. */
      readonly queue: string;
    };

const most = 5;

/** The newest outcomes of all, the last first. */
export function addOutcomes(...all: readonly (readonly LastOutcome[])[]): readonly LastOutcome[] {
  return all
    .flat()
    .toSorted((a, b) => (a.at < b.at ? 1 : -1))
    .slice(0, most);
}

/** The newest letters of a queue. */
export function newestLetters(letters: readonly Letter[], queue: string): readonly LastOutcome[] {
  return addOutcomes(
    letters.flatMap(({ sentAt, key, code, reason }) =>
      sentAt === undefined ? [] : { kind: 'dead letter' as const, at: sentAt, key, code, reason, queue },
    ),
  );
}

/** What is shown of a summary; the bucket may hold files of others. */
const readable = z.object({
  status: z.string(),
  reason: z.string().optional(),
  source: z.object({ key: z.string() }),
  stagingTable: z.string(),
  finishedAt: z.string(),
  lines: z.object({ rows: z.number() }),
  counts: z.record(z.string(), z.number()),
});

/** Reads the summaries of imports that ended, each once: they do not change. */
export function rememberSummaries(s3: S3Client): {
  read(bucket: string, folders: readonly string[]): Promise<readonly LastOutcome[]>;
} {
  let known: ReadonlyMap<string, readonly LastOutcome[]> = new Map();
  return {
    async read(bucket, folders) {
      const pairs = folders.map(
        async (folder) => [folder, known.get(folder) ?? (await readEnd(s3, bucket, folder))] as const,
      );
      known = new Map(await Promise.all(pairs));
      return [...known.values()].flat();
    },
  };
}

/** @returns none for a summary that cannot be read */
async function readEnd(s3: S3Client, bucket: string, folder: string): Promise<readonly LastOutcome[]> {
  const stored = await readText(s3, { bucket, key: `${folder}summary.json` });
  const { data: summary } = readable.safeParse(parse(stored?.text));
  if (summary === undefined) return [];
  const { status, reason, source, stagingTable: table, finishedAt: at, lines, counts: all } = summary;
  const present = rowOutcomes.filter((outcome) => (all[outcome] ?? 0) > 0);
  const counts = Object.fromEntries(present.map((outcome) => [outcome, all[outcome] ?? 0]));
  return [{ kind: 'import', at, key: source.key, table, status, reason, rows: lines.rows, counts }];
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    // A file of others, or one that is gone.
    return undefined;
  }
}
