import { inParts } from '../../core/in-parts.ts';
import { encodedQuery, instanceTime } from '../../servicenow/encoded-query.ts';
import { type Chunk, lineList, rowsOf, withoutLines } from '../encode/chunk.ts';
import {
  callContext,
  type ImportScope,
  instanceOffsetMs,
  listCounted,
  listRows,
  pageRows,
} from '../instance.ts';
import type { ImportPlan } from '../plan/import-plan.ts';
import { nodeSkewMs, type SetMatcher } from './reconcile-by-sets.ts';
import { sentColumns } from './row-prints.ts';

/** What of a chunk is still to be sent after its first sending was looked up. */
export type Reconciled =
  | { readonly kind: 'stored'; readonly sets: readonly string[] }
  | { readonly kind: 'unknown' }
  | {
      readonly kind: 'send';
      readonly chunk: Chunk;
      readonly sets: readonly string[];
      /** Lines that a set holds already, where only their content showed it. */
      readonly setLines?: Readonly<Record<string, number[]>>;
    };

/** What reconciles the chunks of a group whose first sending was interrupted. */
export type Reconciliation = {
  /** Undefined where rows are reconciled by their keys. */
  readonly sets: SetMatcher | undefined;
  /** Some rows of this import are certainly in the staging table. */
  readonly hasStored: boolean;
};

/**
 * Asks the instance whether it has a chunk that may have been sent: by the key that each row carries, else by the content of
 * import sets that are not accounted for.
 * @param index of the chunk in its group
 */
export async function reconcileChunk(
  scope: ImportScope,
  plan: ImportPlan,
  chunk: Chunk,
  index: number,
  reconciliation: Reconciliation,
): Promise<Reconciled> {
  if (plan.keyColumn !== undefined) return reconcileByKey(scope, plan, plan.keyColumn, chunk, reconciliation);
  const match = (await reconciliation.sets?.match(chunk, index)) ?? { kind: 'unsure' };
  switch (match.kind) {
    case 'stored':
      return { kind: 'stored', sets: [match.importSetId] };
    case 'partly': {
      const rest = withoutLines(chunk, new Set(lineList(match.lines)));
      const sets = [match.importSetId];
      return { kind: 'send', chunk: rest, sets, setLines: { [match.importSetId]: [...match.lines] } };
    }
    case 'none':
      return { kind: 'send', chunk, sets: [] };
    case 'unsure':
      return plan.settings.resendUnknown ? { kind: 'send', chunk, sets: [] } : { kind: 'unknown' };
  }
}

async function reconcileByKey(
  scope: ImportScope,
  plan: ImportPlan,
  keyColumn: string,
  chunk: Chunk,
  { hasStored }: Reconciliation,
): Promise<Reconciled> {
  const lines = lineList(chunk.lines);
  const stored = await findStoredLines(scope, plan, keyColumn, lines);
  const sets = [...new Set(stored.values())];
  const missing = lines.filter((line) => !stored.has(line));
  if (missing.length === 0) return { kind: 'stored', sets };
  // What access rules hide looks like nothing there.
  const hidden = await countStoredLines(scope, plan, keyColumn, missing);
  if (hidden >= missing.length) return { kind: 'stored', sets };
  const isUnsure =
    hidden > 0 ||
    (stored.size === 0 &&
      ((hasStored && !(await keepsKeys(scope, plan, keyColumn))) ||
        (await isUnderAnotherKey(scope, plan, keyColumn, chunk))));
  if (isUnsure && !plan.settings.resendUnknown) return { kind: 'unknown' };
  return { kind: 'send', chunk: withoutLines(chunk, new Set(stored.keys())), sets };
}

/** Whether any row of this import is found by its key: an instance may hide its rows, or write something else into the column. */
async function keepsKeys(scope: ImportScope, plan: ImportPlan, keyColumn: string): Promise<boolean> {
  const query = encodedQuery().where(keyColumn, 'STARTSWITH', keysOf(plan)).toString();
  const any = { table: plan.request.table, query, fields: ['sys_id'], limit: 1 };
  return (await listRows(scope.client, any, callContext(scope))).length > 0;
}

/** Text that a query finds as it is. */
const plainText = /^(?!javascript:)[\w .:@/-]{1,100}$/i;
/** So many columns show well enough whether a row is the one that was sent. */
const columnsToShow = 3;
const anyRowKey = /^[0-9a-f]{12}:\d+$/i;

/**
 * Whether a row like the first one of a chunk has come since the import began, under what is no key: then the instance may have
 * written something else into the column, as a rule or a transform script can.
 */
async function isUnderAnotherKey(
  scope: ImportScope,
  plan: ImportPlan,
  keyColumn: string,
  chunk: Chunk,
): Promise<boolean> {
  const [first] = rowsOf(chunk.body);
  const shown = sentColumns(plan)
    .filter(({ column, jsonKey, kind }) => {
      const value = first?.[jsonKey]?.trim() ?? '';
      return kind === 'text' && column !== keyColumn && plainText.test(value);
    })
    .slice(0, columnsToShow);
  if (shown.length === 0) return false;
  const { table } = plan.request;
  const offsetMs = await instanceOffsetMs(scope, table);
  const since = instanceTime(Date.parse(plan.startedAt) + offsetMs - nodeSkewMs);
  const alike = shown.reduce(
    (all, { column, jsonKey }) => all.where(column, '=', first?.[jsonKey]?.trim() ?? ''),
    encodedQuery().where('sys_created_on', '>=', since),
  );
  // What this import has stored itself may be all that is alike. An empty column does not contain a text on every instance.
  const foreign = [alike.isEmpty(keyColumn), alike.where(keyColumn, 'NOT LIKE', keysOf(plan))];
  for (const query of foreign) {
    const rows = { table, query: query.toString(), fields: ['sys_id', keyColumn], limit: 1_000 };
    for await (const page of pageRows(scope, rows))
      if (page.some((row) => !anyRowKey.test(row[keyColumn] ?? ''))) return true;
  }
  return false;
}

/** What the keys of the rows of an import begin with. */
function keysOf({ row }: ImportPlan): string {
  return `${row.rowKey?.version}:`;
}

/** Keys a query carries: 100 of them stay well below the 8 KB that a URL may have. */
const keysPerQuery = 100;

/** Which of these lines the staging table holds already, by the key that each row carries: line -> import set. */
async function findStoredLines(
  scope: ImportScope,
  plan: ImportPlan,
  keyColumn: string,
  lines: readonly number[],
): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (const query of keyQueries(plan, keyColumn, lines)) {
    const rows = {
      table: plan.request.table,
      query,
      fields: ['sys_id', 'sys_import_set', keyColumn],
      limit: 1_000,
    };
    for await (const page of pageRows(scope, rows)) {
      for (const row of page) found.set(lineOfKey(row[keyColumn] ?? ''), row['sys_import_set'] ?? '');
    }
  }
  return found;
}

/** How many of these lines the staging table holds, whether the user may see them or not. */
async function countStoredLines(
  scope: ImportScope,
  plan: ImportPlan,
  keyColumn: string,
  lines: readonly number[],
): Promise<number> {
  let count = 0;
  for (const query of keyQueries(plan, keyColumn, lines)) {
    const rows = { table: plan.request.table, query, fields: ['sys_id'], limit: 1 };
    count += (await listCounted(scope.client, rows, callContext(scope))).total;
  }
  return count;
}

function keyQueries(plan: ImportPlan, keyColumn: string, lines: readonly number[]): readonly string[] {
  const version = plan.row.rowKey?.version ?? '';
  return inParts(lines, keysPerQuery).map((part) => {
    const keys = part.map((line) => `${version}:${line}`);
    return encodedQuery().oneOf(keyColumn, keys).toString();
  });
}

/** Whether the user sees any row of the staging table: what access rules hide looks like nothing there. */
export async function seesRows(scope: ImportScope, plan: ImportPlan): Promise<boolean> {
  const any = { table: plan.request.table, query: '', fields: ['sys_id'], limit: 1 };
  return (await listRows(scope.client, any, callContext(scope))).length > 0;
}

/** `<version>:<line>` -> line. */
export function lineOfKey(key: string): number {
  return Number(key.slice(key.lastIndexOf(':') + 1));
}
