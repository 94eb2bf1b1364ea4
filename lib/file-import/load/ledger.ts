import * as z from 'zod/mini';
import { groupName, type ImportFolder } from '../folder.ts';
import { lineResultSchema } from './row-outcome.ts';

const positionSchema = z.object({ byte: z.number(), line: z.number() });

const sentChunkSchema = z.object({
  /** Pairs of first line and count, in the order of the rows. */
  lines: z.array(z.number()),
  rows: z.number(),
  /** sys_ids in sys_import_set; more than one when part of the rows had to be sent again. */
  sets: z.array(z.string()),
  /**
   * - `stored`: the instance has the rows.
   * - `refused`: the instance said no to the request; `message` says why.
   * - `unknown`: it cannot be found out whether it has them.
   * - `not-sent`: the import had stopped.
   * - `interrupted`: sent in part before the instance went away; the rest certainly was not.
   * - `lost`: sent, but the answer never came; to be reconciled.
   */
  state: z.enum(['stored', 'refused', 'unknown', 'not-sent', 'interrupted', 'lost']),
  message: z.optional(z.string()),
  /** Lines that are in a set (in the form of `lines`), where a set holds a part of the chunk. */
  setLines: z.optional(z.record(z.string(), z.array(z.number()))),
  /** What is known of rows at once: in `rows` mode, and of a request that was refused. Lines that are missing are looked up later. */
  verdicts: z.optional(z.array(lineResultSchema)),
  /**
   * In `rows` mode, and of a chunk without row keys that went in parts: lines that may have been sent, in the form of `lines`; those
   * without a verdict else were not.
   */
  possiblySent: z.optional(z.array(z.number())),
});

const ledgerSchema = z.object({
  from: positionSchema,
  /** By index in the group; null where a crash left nothing about the chunk. */
  chunks: z.array(z.nullable(sentChunkSchema)),
  /** True while nothing is being sent: a chunk of which nothing is known was not sent then. */
  isExact: z.optional(z.boolean()),
  /** Chunks from this one on were not sent; absent where any may have been. */
  announced: z.optional(z.number()),
  /** Import sets that were seen when the group was reconciled: they were there before chunks from `from` on were sent. */
  olderSets: z.optional(z.array(z.object({ from: z.number(), sets: z.array(z.string()) }))),
  /** Milliseconds since the Unix epoch at which an answer was first known to be lost. */
  lostAtMs: z.optional(z.number()),
  /** Where the next group begins; present once the group is done. */
  next: z.optional(positionSchema),
  ended: z.boolean(),
  /** Why the file cannot be read beyond this group. */
  readError: z.optional(z.string()),
  rejected: z.number(),
  blankLines: z.number(),
});

export type SentChunk = z.infer<typeof sentChunkSchema>;

/**
 * The state of the chunks of one group. It is written before the first request, about once a second while they run,
 * and at the end; so a group that was interrupted knows which of its chunks are certain, and that the others have to be
 * reconciled before they are sent again.
 */
export type LoadLedger = z.infer<typeof ledgerSchema>;

/** sys_ids of the import sets of some chunks, each once, in their order. */
export function importSetsOf(chunks: readonly (SentChunk | null)[]): string[] {
  return [...new Set(chunks.flatMap((chunk) => chunk?.sets ?? []))];
}

/** The chunks of which something is known. */
export function knownChunks(ledger: LoadLedger): SentChunk[] {
  return ledger.chunks.filter((chunk) => chunk !== null);
}

/** What is known of the requests of a group; undefined before the first one. */
export async function readLedger(folder: ImportFolder, group: number): Promise<LoadLedger | undefined> {
  const stored = await folder.read(groupName('load', group));
  return stored === undefined ? undefined : ledgerSchema.parse(JSON.parse(stored));
}

/** Stores what is known of the requests of a group. */
export async function writeLedger(folder: ImportFolder, group: number, ledger: LoadLedger): Promise<void> {
  await folder.write(groupName('load', group), JSON.stringify(ledger));
}

/** Import sets that were there before a group began: those that earlier groups hold, and others that were seen. */
export type EarlierGroupSets = { readonly own: ReadonlySet<string>; readonly others: ReadonlySet<string> };

/** Import sets from before `group`: none of them is one of its. */
export async function setsBefore(folder: ImportFolder, group: number): Promise<EarlierGroupSets> {
  const own = new Set<string>();
  const others = new Set<string>();
  for (let before = group - 1; before >= 0; before--) {
    const ledger = await readLedger(folder, before);
    for (const set of importSetsOf(ledger?.chunks ?? [])) own.add(set);
    for (const { sets } of ledger?.olderSets ?? []) for (const set of sets) others.add(set);
  }
  return { own, others };
}

/** So many are kept: a few more than are waiting for their verdicts while all goes well. */
const keptAtMost = 8;

/** The ledgers of groups that are loaded; those that this process closed last need not be fetched again. */
export class ClosedLedgers {
  readonly #folder: ImportFolder;
  readonly #kept = new Map<number, LoadLedger>();

  constructor(folder: ImportFolder) {
    this.#folder = folder;
  }

  keep(group: number, ledger: LoadLedger): void {
    this.#kept.set(group, ledger);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size > keptAtMost) this.#kept.delete(oldest);
  }

  /** @throws Error when the group was not loaded to its end */
  async get(group: number): Promise<LoadLedger> {
    const ledger = this.#kept.get(group) ?? (await readLedger(this.#folder, group));
    if (!ledger?.next) throw new Error(`group ${group} was not loaded to its end`);
    return ledger;
  }
}
