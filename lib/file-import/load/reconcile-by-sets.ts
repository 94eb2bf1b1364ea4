import { encodedQuery, instanceTime, parseInstanceTime } from '../../servicenow/encoded-query.ts';
import { type Chunk, type LineRuns, lineList, lineRuns } from '../encode/chunk.ts';
import {
  callContext,
  type ImportScope,
  type InstanceRow,
  listCounted,
  listRows,
  namedAtOnce,
  pageRows,
  partsToName,
  readOwnUser,
  unlessHidden,
} from '../instance.ts';
import type { EarlierSets, ImportPlan } from '../plan/import-plan.ts';
import { type ChunkPrint, placesOf, printChunk, type StoredPrints, storedPrints } from './row-prints.ts';

/**
 * Which import set holds a chunk whose answer was lost: `stored` with all of its rows, `partly` with those on `lines`;
 * `none`; or `unsure`.
 */
export type SetMatch =
  | { readonly kind: 'stored'; readonly importSetId: string }
  | { readonly kind: 'partly'; readonly importSetId: string; readonly lines: LineRuns }
  | { readonly kind: 'none' }
  | { readonly kind: 'unsure' };

/** The chunks that may have been sent, by their digests, each as often as there are such chunks. */
export type PendingChunks = ReadonlyMap<string, { readonly print: ChunkPrint; readonly count: number }>;

/** Import sets that may hold chunks of this load; each is matched once. */
export type SetMatcher = {
  /** @param index of the chunk in its group */
  match(chunk: Chunk, index: number): Promise<SetMatch>;
  /** sys_ids of the sets. */
  readonly candidates: readonly string[];
};

/** What is known of the import sets of a staging table before a group is reconciled. */
export type KnownSets = {
  /** That are accounted for. */
  readonly known: ReadonlySet<string>;
  /** Of them, those that this import has certainly made. */
  readonly own: ReadonlySet<string>;
  /** True when the set was there before the chunk was sent. */
  readonly isOlder: (set: string, index: number) => boolean;
};

/** Matches chunks and import sets by everything that was sent: all columns of all rows, in their order. */
export async function setMatcher(
  scope: ImportScope,
  plan: ImportPlan,
  { known, own, isOlder }: KnownSets,
  pending: PendingChunks,
): Promise<SetMatcher> {
  const found = await candidateSets(scope, plan, known, own);
  if (!found) return { match: async () => ({ kind: 'unsure' }), candidates: [] };
  const { sets, areOwn } = found;
  const free = new Map(sets.map((set) => [set.id, set]));
  const read = storedPrints(scope, plan);
  const sent = [...pending.values()].map(({ print }) => print);
  const matched = new Map<string, number>();
  let unlike: Promise<boolean> | undefined;
  const matchNow = async (chunk: Chunk, index: number): Promise<SetMatch> => {
    const print = printChunk(plan, chunk);
    const before = matched.get(print.digest) ?? 0;
    matched.set(print.digest, before + 1);
    // Of chunks that may differ in a column that is not compared, each stays a rival of the others.
    const count = (pending.get(print.digest)?.count ?? 1) - (print.isWhole ? before : 0);
    const rivals = Math.max(1, count);
    const isPossible = ({ id }: CandidateSet) => !isOlder(id, index);
    const compared = await compare(print, [...free.values()].filter(isPossible), read);
    const match = decide(compared, print, chunk, rivals, pending);
    // Whose it is, is not known: another client may have stored the very same rows.
    if ('importSetId' in match && !areOwn) return { kind: 'unsure' };
    if ('importSetId' in match) free.delete(match.importSetId);
    if (match.kind !== 'none') return match;
    unlike ??= isAnyUnlike(sets, sent, read);
    return (await unlike) ? { kind: 'unsure' } : match;
  };
  // One after another, so that two equal chunks are not matched with the same set.
  let previous: Promise<unknown> = Promise.resolve();
  return {
    match(chunk, index) {
      const match = previous.then(() => matchNow(chunk, index));
      previous = match.catch(() => undefined);
      return match;
    },
    candidates: sets.map(({ id }) => id),
  };
}

/** How the sets compare with a chunk. */
type Compared = {
  /** Sets with exactly its rows. */
  readonly equal: string[];
  /** Sets with some of its rows and nothing else, and which they are. */
  readonly parts: { readonly set: CandidateSet; readonly places: readonly number[] }[];
  /** Some set has rows that the user does not see. */
  readonly isHidden: boolean;
};

async function compare(
  print: ChunkPrint,
  sets: readonly CandidateSet[],
  read: StoredPrints,
): Promise<Compared> {
  const equal: string[] = [];
  const parts: Compared['parts'] = [];
  let isHidden = false;
  for (const set of sets) {
    const stored = await read(set.id, print.columns);
    if (stored.total > stored.prints.length) isHidden = true;
    else if (stored.total > 0) {
      const places = placesOf(print.rows, stored.prints);
      if (places?.length === print.rows.length) equal.push(set.id);
      else if (places) parts.push({ set, places });
    }
  }
  return { equal, parts, isHidden };
}

/**
 * Whether some set has rows, but not those of any chunk that may have been sent: it may hold one whose values the instance changed
 * as it stored them (a rule that trims, a character that its database does not have).
 */
async function isAnyUnlike(
  sets: readonly CandidateSet[],
  sent: readonly ChunkPrint[],
  read: StoredPrints,
): Promise<boolean> {
  for (const set of sets) if (await isUnlike(set, sent, read)) return true;
  return false;
}

async function isUnlike(
  set: CandidateSet,
  sent: readonly ChunkPrint[],
  read: StoredPrints,
): Promise<boolean> {
  for (const { columns, rows } of sent) {
    const { prints, total } = await read(set.id, columns);
    if (total === 0 || placesOf(rows, prints)) return false;
  }
  return sent.length > 0;
}

function decide(
  { equal, parts, isHidden }: Compared,
  { columns, isWhole, rows }: ChunkPrint,
  chunk: Chunk,
  rivals: number,
  pending: ReadonlyMap<string, unknown>,
): SetMatch {
  const [importSetId] = equal;
  const [part, ...more] = parts;
  // Equal sets for equal chunks are as good as each other; one set too many belongs to another client, and it cannot be determined which.
  const isClear = equal.length <= rivals && (isWhole || (equal.length === 1 && rivals === 1));
  if (importSetId !== undefined)
    return isClear && columns.length > 0 ? { kind: 'stored', importSetId } : { kind: 'unsure' };
  if (isHidden) return { kind: 'unsure' };
  if (!part) return { kind: 'none' };
  // A set that is closed with fewer rows may be another client's; one whose load was interrupted is ours.
  const isOurs = part.set.isLoading && more.length === 0 && isWhole && rivals === 1 && isAlone(pending, rows);
  if (!isOurs) return { kind: 'unsure' };
  const lines = lineList(chunk.lines);
  return {
    kind: 'partly',
    importSetId: part.set.id,
    lines: lineRuns(part.places.map((place) => lines[place] ?? 0)),
  };
}

/** Rows that are all different: a part of them is a part of nothing else that was sent. */
function isAlone(pending: ReadonlyMap<string, unknown>, rows: readonly string[]): boolean {
  return pending.size <= 1 || new Set(rows).size === rows.length;
}

/** An import set of the staging table that this load may have made. */
export type CandidateSet = {
  readonly id: string;
  /** True while the set is still open: its load was interrupted, or goes on. */
  readonly isLoading: boolean;
};

/** Clocks of the nodes of an instance differ by less. */
export const nodeSkewMs = 60_000;
/** Clocks of two machines differ by less. */
const clockSkewMs = 600_000;

/** From when on sets may be of an import that began at `startedAt` (ISO). */
function sinceStart(startedAt: string): string {
  return instanceTime(Date.parse(startedAt) - clockSkewMs);
}

/**
 * Looks at a staging table before the first row is sent; undefined when import sets cannot be read.
 * @param startedAt ISO time at which the import began
 */
export async function readEarlierSets(
  scope: ImportScope,
  table: string,
  startedAt: string,
): Promise<EarlierSets | undefined> {
  const newest = {
    table: 'sys_import_set',
    query: encodedQuery().where('table_name', '=', table).orderBy('sys_created_on', 'descending').toString(),
    fields: ['sys_created_on'],
    limit: 1,
  };
  return unlessHidden(async () => {
    const [set] = await listRows(scope.client, newest, callContext(scope));
    const newestMs = parseInstanceTime(set?.['sys_created_on'] ?? '');
    // The newest one may be hidden from the user, and earlier ones not.
    const since = newestMs === undefined ? sinceStart(startedAt) : instanceTime(newestMs - nodeSkewMs);
    const sets = await setsSince(scope, table, since);
    return { since, ids: sets.map((row) => row['sys_id'] ?? '') };
  });
}

/**
 * Import sets of the staging table that may be of this load: opened since it began, by its user, and not in `known`. Sets of an
 * earlier file may hold the very same rows, so the ones that were there before are none of ours.
 * @param own sets that are certainly of this load: who made them is its user, where the instance does not say who that is
 * @returns undefined when the user does not see import sets: what access rules hide looks like nothing there
 */
async function candidateSets(
  scope: ImportScope,
  plan: ImportPlan,
  known: ReadonlySet<string>,
  own: ReadonlySet<string>,
): Promise<{ readonly sets: CandidateSet[]; readonly areOwn: boolean } | undefined> {
  const since = plan.earlierSets?.since ?? sinceStart(plan.startedAt);
  const all = new Set([...known, ...(plan.earlierSets?.ids ?? [])]);
  const userName = await readOwnUser(scope.client, 'user_name', callContext(scope));
  // First, since other sets may be opened meanwhile.
  const total = await unlessHidden(() => countSetsSince(scope, plan.request.table, since, userName));
  const sets = await unlessHidden(() => setsSince(scope, plan.request.table, since));
  if (total === undefined || !sets || !(await seesSets(scope, sets, all))) return undefined;
  const visible = sets.filter((row) => !userName || row['sys_created_by'] === userName);
  // One of them is hidden, and may hold what was sent.
  if (visible.length < total) return undefined;
  const maker = userName || sets.find((row) => own.has(row['sys_id'] ?? ''))?.['sys_created_by'];
  const ours = maker ? visible.filter((row) => row['sys_created_by'] === maker) : visible;
  const isOpen = (row: InstanceRow) => !all.has(row['sys_id'] ?? '');
  const open = ours.filter(isOpen);
  return {
    sets: open.map((row) => ({ id: row['sys_id'] ?? '', isLoading: row['state'] === 'loading' })),
    areOwn: Boolean(maker),
  };
}

/**
 * The last of some import sets that another one can be transformed after: a set whose load was interrupted is never transformed, nor is
 * one that has to follow it.
 */
export async function lastClosedSet(scope: ImportScope, ids: readonly string[]): Promise<string | undefined> {
  const latest = ids.slice(-namedAtOnce);
  const open = await loadingSets(scope, latest);
  return latest.findLast((id) => !open.has(id));
}

/** Which of these import sets are still open for rows; none where the user does not see import sets. */
export function loadingSets(scope: ImportScope, ids: readonly string[]): Promise<Set<string>> {
  return setsIn(scope, ids, '=', 'loading');
}

/** Which of these import sets are not transformed to the end; none where the user does not see import sets. */
export function loadedSets(scope: ImportScope, ids: readonly string[]): Promise<Set<string>> {
  return setsIn(scope, ids, '=', 'loaded');
}

/** Which of these import sets take no more rows; none where the user does not see import sets. */
export function closedSets(scope: ImportScope, ids: readonly string[]): Promise<Set<string>> {
  return setsIn(scope, ids, '!=', 'loading');
}

async function setsIn(
  scope: ImportScope,
  ids: readonly string[],
  operator: '=' | '!=',
  state: 'loading' | 'loaded',
): Promise<Set<string>> {
  const found = new Set<string>();
  for (const some of partsToName(ids)) {
    const query = {
      table: 'sys_import_set',
      query: encodedQuery().oneOf('sys_id', some).where('state', operator, state).toString(),
      fields: ['sys_id'],
      limit: some.length,
    };
    const rows = await unlessHidden(() => listRows(scope.client, query, callContext(scope)));
    for (const row of rows ?? []) found.add(row['sys_id'] ?? '');
  }
  return found;
}

function sinceQuery(table: string, since: string): string {
  return encodedQuery().where('table_name', '=', table).where('sys_created_on', '>=', since).toString();
}

/** How many there are, of one user or of all, those included that are hidden from the user. @throws AccessDeniedError */
async function countSetsSince(
  scope: ImportScope,
  table: string,
  since: string,
  user: string | undefined,
): Promise<number> {
  const all = encodedQuery([sinceQuery(table, since)]);
  const query = (user ? all.where('sys_created_by', '=', user) : all).toString();
  const counted = { table: 'sys_import_set', query, fields: ['sys_id'], limit: 1 };
  return (await listCounted(scope.client, counted, callContext(scope))).total;
}

/** Import sets of a staging table that were opened at `since` or later. @throws AccessDeniedError */
async function setsSince(scope: ImportScope, table: string, since: string): Promise<InstanceRow[]> {
  const query = {
    table: 'sys_import_set',
    query: sinceQuery(table, since),
    fields: ['sys_id', 'state', 'sys_created_by'],
    limit: 1_000,
  };
  const rows: InstanceRow[] = [];
  for await (const page of pageRows(scope, query)) rows.push(...page);
  return rows;
}

/** Whether the user sees import sets: of those that are certainly there, or any at all unless there are none. */
async function seesSets(
  scope: ImportScope,
  sets: readonly InstanceRow[],
  known: ReadonlySet<string>,
): Promise<boolean> {
  if (known.size > 0) return sets.some((row) => known.has(row['sys_id'] ?? ''));
  if (sets.length > 0) return true;
  const any = { table: 'sys_import_set', query: '', fields: ['sys_id'], limit: 1 };
  const { rows, total } = await listCounted(scope.client, any, callContext(scope));
  return rows.length > 0 || total === 0;
}
