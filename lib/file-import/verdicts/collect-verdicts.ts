import { setImmediate } from 'node:timers/promises';
import { encodedQuery } from '../../servicenow/encoded-query.ts';
import { AccessDeniedError } from '../../servicenow/errors.ts';
import { countLines, type LineRuns, lineList, linesOf } from '../encode/chunk.ts';
import { groupName, type ImportFolder } from '../folder.ts';
import { callContext, type ImportScope, listCounted, namedAtOnce } from '../instance.ts';
import type { OpenReader } from '../load/file-reader.ts';
import { type ClosedLedgers, importSetsOf, knownChunks, type SentChunk } from '../load/ledger.ts';
import { type LineResult, lostAnswer, type RowOutcome, type Verdict } from '../load/row-outcome.ts';
import type { ImportPlan } from '../plan/import-plan.ts';
import { countPending, readVerdicts } from './read-group.ts';
import { beginPart, type GroupVerdict, type ResultsPart, writePart } from './results-part.ts';
import { emptySets, skipped } from './row-lines.ts';
import type { TransformMaps } from './transform-maps.ts';

/**
 * - `all`: for every row.
 * - `uninterrupted`: for every row except those of a load that was interrupted: its requests would have ended by now.
 * - `none`: rows that are still pending count as unknown.
 */
export type AwaitedRows = 'all' | 'uninterrupted' | 'none';

/** What reading verdicts works with. */
export type CollectDeps = {
  readonly scope: ImportScope;
  readonly plan: ImportPlan;
  readonly folder: ImportFolder;
  readonly closed: ClosedLedgers;
  /** Where parts are gathered, one after another. */
  readonly part: ResultsPart;
  readonly maps: TransformMaps;
  readonly reader: OpenReader;
};

/**
 * Reads the verdicts of one group back and stores its part of `results.csv`.
 * @param awaitedRows which rows that are pending are waited for
 * @returns how many rows are still pending when the group has to wait
 */
export async function collectVerdicts(
  { scope, plan, folder, closed, part, maps, reader }: CollectDeps,
  group: number,
  awaitedRows: AwaitedRows,
): Promise<GroupVerdict | { readonly pending: number }> {
  const ledger = await closed.get(group);
  const chunks = knownChunks(ledger);
  const { pending, awaited } =
    awaitedRows === 'none'
      ? { pending: 0, awaited: 0 }
      : await countPending(scope, plan, chunks, awaitedRows === 'uninterrupted');
  // Progress is measured by the number of all: which of them are awaited changes by itself.
  if (awaited > 0) return { pending };
  const rejected = ledger.rejected > 0 ? await rejectedResults(folder, group) : [];
  await beginPart(folder, part, group);
  const lines = new GroupLines(part, rejected);
  const sent = reader.sentFrom(ledger.from);
  try {
    for (const some of slicesOf(chunks)) {
      const unfinished = awaitedRows === 'none' ? 0 : await maps.countUnfinished(importSetsOf(some));
      if (unfinished > 0) return { pending: unfinished };
      const find = onceEach((chunk) => sent.find(chunk));
      const read = () => readVerdicts(scope, plan, maps, some, find);
      const verdicts = await read();
      const left = awaitedRows === 'all' ? countUnseen(some, verdicts) : 0;
      // While rows were read page by page, look-ups that lag behind may have come to show more of them.
      if (left > 0 && countUnseen(some, await read()) < left) return { pending: left };
      const without = setsWithoutRows(some, verdicts);
      const histories = await maps.uniformOutcomes(without);
      const lagging = awaitedRows === 'all' ? await countLagging(scope, without, histories) : 0;
      if (lagging > 0) return { pending: lagging };
      const uncounted = new Map([...without].filter(([set]) => !histories.has(set)));
      const empty = await emptySets(scope, plan, uncounted);
      await lines.add(some, (chunk) => chunkVerdicts(chunk, verdicts, unseen(chunk, histories, empty)));
    }
  } finally {
    await sent.close();
  }
  lines.end();
  return writePart(folder, group, part);
}

/** Remembers what was found: a file is read in one direction. */
function onceEach<Found>(find: (chunk: SentChunk) => Promise<Found>): (chunk: SentChunk) => Promise<Found> {
  const found = new Map<SentChunk, Promise<Found>>();
  return (chunk) => {
    const finding = found.get(chunk) ?? find(chunk);
    found.set(chunk, finding);
    return finding;
  };
}

/** Which lines of a chunk each of its import sets holds, where that is known. */
function sharesOf({ sets, setLines, lines, verdicts }: SentChunk): readonly (readonly [string, LineRuns])[] {
  if (setLines) return Object.entries(setLines);
  const [set, ...more] = sets;
  return set === undefined || more.length > 0 || verdicts ? [] : [[set, lines]];
}

/** Import sets that hold lines of exactly one chunk, none of which was seen, and how many that are. */
function setsWithoutRows(
  chunks: readonly SentChunk[],
  verdicts: ReadonlyMap<number, LineResult>,
): Map<string, number> {
  const sets = new Map<string, number>();
  for (const chunk of chunks) {
    if (chunk.state !== 'stored') continue;
    for (const [set, lines] of sharesOf(chunk))
      if (!isAnySeen(lines, verdicts)) sets.set(set, countLines(lines));
  }
  return sets;
}

/**
 * How many rows look-ups may not show yet, since they lag behind what was stored: of sets that are not counted either. What access
 * rules hide is counted.
 */
async function countLagging(
  scope: ImportScope,
  without: ReadonlyMap<string, number>,
  histories: ReadonlyMap<string, RowOutcome>,
): Promise<number> {
  const open = [...without].filter(([set]) => !histories.has(set));
  if (open.length === 0) return 0;
  const sets = open.map(([set]) => set);
  const query = {
    table: 'sys_import_set',
    query: encodedQuery().oneOf('sys_id', sets).toString(),
    fields: ['sys_id'],
    limit: 1,
  };
  const isShown = await listCounted(scope.client, query, callContext(scope)).then(
    ({ total }) => total > 0,
    (error: unknown) => {
      if (error instanceof AccessDeniedError) return true;
      throw error;
    },
  );
  return isShown ? 0 : open.reduce((sum, [, rows]) => sum + rows, 0);
}

/** How many rows that the instance has were not seen. */
function countUnseen(chunks: readonly SentChunk[], verdicts: ReadonlyMap<number, LineResult>): number {
  let count = 0;
  for (const { state, lines, sets, verdicts: atOnce } of chunks) {
    if (state !== 'stored' || sets.length === 0) continue;
    const known = new Set(atOnce?.map(({ line }) => line));
    for (const line of linesOf(lines)) if (!verdicts.has(line) && !known.has(line)) count++;
  }
  return count;
}

function isAnySeen(lines: LineRuns, verdicts: ReadonlyMap<number, LineResult>): boolean {
  if (verdicts.size === 0) return false;
  for (const line of linesOf(lines)) if (verdicts.has(line)) return true;
  return false;
}

/** What holds for a line of a chunk whose row cannot be seen. */
function unseen(
  chunk: SentChunk,
  histories: ReadonlyMap<string, RowOutcome>,
  empty: ReadonlySet<string>,
): (line: number) => Verdict {
  const { sets, setLines } = chunk;
  if (!setLines) {
    const verdict = unseenIn(sets.length === 1 ? sets[0] : undefined, histories, empty);
    return () => verdict;
  }
  const setOf = new Map(
    sharesOf(chunk).flatMap(([set, lines]) => lineList(lines).map((line) => [line, set])),
  );
  return (line) => unseenIn(setOf.get(line), histories, empty);
}

/** @param set that holds the row, where that is known */
function unseenIn(
  set: string | undefined,
  histories: ReadonlyMap<string, RowOutcome>,
  empty: ReadonlySet<string>,
): Verdict {
  if (set !== undefined && empty.has(set)) return { outcome: 'error', message: skipped };
  const counted = set === undefined ? undefined : histories.get(set);
  if (counted !== undefined)
    return { outcome: counted, message: 'its row cannot be seen; counted by the transform history' };
  return {
    outcome: 'unknown',
    message: 'its staging row cannot be read; allow the user to read the staging table',
  };
}

/** Rows whose verdicts are in memory at once, unless one chunk has more. */
const rowsAtOnce = 40_000;

/** Chunks whose verdicts are read together: as many as one query names, and not too many rows. */
export function slicesOf<Chunk extends { readonly rows: number }>(chunks: readonly Chunk[]): Chunk[][] {
  const slices: Chunk[][] = [];
  let [slice, rows]: [Chunk[], number] = [[], 0];
  for (const chunk of chunks) {
    if (slice.length >= namedAtOnce || (rows > 0 && rows + chunk.rows > rowsAtOnce)) {
      slices.push(slice);
      [slice, rows] = [[], 0];
    }
    slice.push(chunk);
    rows += chunk.rows;
  }
  return slice.length > 0 ? [...slices, slice] : slices;
}

/**
 * The verdict on each line of a chunk.
 * @param readBack what was read back, by line
 * @param stored what holds for lines that the instance has and of which nothing was read back
 */
export function chunkVerdicts(
  chunk: SentChunk,
  readBack: ReadonlyMap<number, Verdict>,
  stored: (line: number) => Verdict,
): (line: number) => Verdict {
  const atOnce = new Map(chunk.verdicts?.map((verdict) => [verdict.line, verdict]));
  const possiblySent = new Set(linesOf(chunk.possiblySent ?? []));
  const inSets = new Set(Object.values(chunk.setLines ?? {}).flatMap(lineList));
  const otherwise = withoutVerdict(chunk);
  const unread = (line: number) => {
    if (inSets.has(line)) return stored(line);
    return possiblySent.has(line) ? unknown : (otherwise ?? stored(line));
  };
  if (atOnce.size === 0 && readBack.size === 0) return unread;
  return (line) => atOnce.get(line) ?? readBack.get(line) ?? unread(line);
}

const unknown: Verdict = { outcome: 'unknown', message: lostAnswer };

/** What holds for lines of a chunk of which nothing else is known; undefined where the instance has them. */
function withoutVerdict(chunk: SentChunk): Verdict | undefined {
  switch (chunk.state) {
    case 'refused':
      // Then those that were not taken have a verdict of their own.
      if (chunk.verdicts) return undefined;
      return { outcome: 'error', message: chunk.message ?? 'the instance refused the request' };
    case 'not-sent':
    case 'interrupted':
      return { outcome: 'notSent', message: 'the import had stopped' };
    case 'unknown':
    case 'lost':
      return chunk.message === undefined ? unknown : { outcome: 'unknown', message: chunk.message };
    case 'stored':
      return undefined;
  }
}

/** The rows of a group that were not sent, as results. */
export async function rejectedResults(folder: ImportFolder, group: number): Promise<LineResult[]> {
  const stored = await folder.read(groupName('rejected', group));
  return (stored?.split('\n') ?? []).map((text) => {
    const { line, reason }: { line: number; reason: string } = JSON.parse(text);
    return { line, outcome: 'rejected', message: reason };
  });
}

/** So many take a fraction of a millisecond. */
const linesAtOnce = 1_000;

/** Adds the lines of a group to a part in their order: those that were read to be sent, and between them the rejected ones. */
export class GroupLines {
  readonly #part: ResultsPart;
  readonly #rejected: readonly LineResult[];
  #next = 0;

  constructor(part: ResultsPart, rejected: readonly LineResult[]) {
    this.#part = part;
    this.#rejected = rejected;
  }

  /** Adds the next chunks of the group, a few at a time: other chunks are being sent meanwhile, and would have to wait. */
  async add(
    chunks: Iterable<SentChunk>,
    verdictsOf: (chunk: SentChunk) => (line: number) => Verdict,
  ): Promise<void> {
    let lines = 0;
    for (const chunk of chunks) {
      lines += chunk.rows;
      if (lines >= linesAtOnce) {
        await setImmediate();
        lines = 0;
      }
      this.#addLines(chunk.lines, verdictsOf(chunk));
    }
  }

  #addLines(lines: LineRuns, verdictOf: (line: number) => Verdict): void {
    for (const line of linesOf(lines)) {
      if (this.#next < this.#rejected.length) this.#rejectedBefore(line);
      this.#part.add(line, verdictOf(line));
    }
  }

  /** Adds what is rejected behind the last chunk. */
  end(): void {
    this.#rejectedBefore(Number.POSITIVE_INFINITY);
  }

  #rejectedBefore(line: number): void {
    for (let one = this.#rejected[this.#next]; one && one.line < line; one = this.#rejected[++this.#next])
      this.#part.add(one.line, one);
  }
}
