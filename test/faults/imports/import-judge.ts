import type { Row } from '../../../emulator/instance/row.ts';
import type { ImportSummary } from '../../../lib/file-import/report/summary.ts';
import type { Damage } from '../harness/storm-report.ts';
import { type FileRow, type ImportKind, isCountLost, isOddRow, valuesOf } from './import-tables.ts';

/** A file that was dropped, with what came of it. */
export type Drop = {
  readonly name: string;
  readonly key: string;
  readonly versionId: string;
  readonly lines: readonly DropLine[];
  /** It was deleted at once; its version is still there. */
  readonly isDeleted?: boolean;
};

/** A line of a file: a row, or text that cannot be read as one. */
export type DropLine = { readonly line: number; readonly row: FileRow | undefined };

/** What was reported of a drop. */
export type DropResult = {
  readonly summary: ImportSummary;
  /** Line, outcome and the columns behind it, as results.csv lists them. */
  readonly verdicts: readonly (readonly [line: number, outcome: string, rest: string])[];
};

/** Outcomes that say that the row is in the staging table. */
const stored = new Set(['inserted', 'updated', 'ignored', 'skipped', 'error']);

/**
 * Compares what was reported of the drops of one table with what the table holds.
 * @param staged its rows in the order in which they came, without those of other clients
 */
export function judgeTable(
  name: string,
  kind: ImportKind,
  drops: readonly Reported[],
  staged: readonly Row[],
): readonly Damage[] {
  const judged = drops.flatMap((drop) => (drop.result ? [{ ...drop, result: drop.result }] : []));
  return [
    ...drops.flatMap((drop, index) => {
      if (!drop.result) return [];
      return drop.result.summary.status === 'superseded'
        ? judgeSuperseded(drop, drop.result, drops.slice(index + 1))
        : judgeReport(drop, drop.result, kind);
    }),
    ...judgeRows(drops, staged, kind),
    ...judgeOrder(judged, staged, kind),
  ].map(({ kind: damage, text }) => ({ kind: damage, text: `${name} (${kind.table}): ${text}` }));
}

/** What is no import is refused with the reason, and nothing of it is counted. */
export function judgeOddDrop(
  { key, what, reason }: { readonly key: string; readonly what: string; readonly reason: RegExp },
  { summary }: DropResult,
): readonly Damage[] {
  if (summary.status === 'refused' && reason.test(summary.reason ?? '')) return [];
  return [{ kind: 'false verdict', text: `${what}, ${key}: ${summary.status}: ${summary.reason}` }];
}

/** Only a version that was dropped later supersedes one, and nothing of it is sent then. */
function judgeSuperseded(
  { name, key }: Drop,
  { summary, verdicts }: DropResult,
  later: readonly Drop[],
): readonly Damage[] {
  const isBy = (drop: Drop) => drop.key === key && summary.reason?.includes(drop.versionId) === true;
  if (later.some(isBy) && verdicts.length === 0) return [];
  return [{ kind: 'false verdict', text: `${name}: ${summary.status}: ${summary.reason}` }];
}

/** Every line has one verdict, the counts are those of the lines, and lines that cannot be read are rejected. */
function judgeReport(drop: Drop, { summary, verdicts }: DropResult, kind: ImportKind): readonly Damage[] {
  const wrong: Damage[] = [];
  const report = (damage: Damage['kind'], text: string) =>
    wrong.push({ kind: damage, text: `${drop.name}: ${text}` });
  const outcomes = outcomesOf(verdicts);
  const remarks = new Map(verdicts.map(([line, , rest]) => [line, rest]));
  if (summary.status !== 'completed') report('false verdict', `${summary.status}: ${summary.reason}`);
  if (verdicts.length !== drop.lines.length || outcomes.size !== drop.lines.length)
    report('false verdict', `${verdicts.length} verdicts on ${outcomes.size} of ${drop.lines.length} lines`);
  const counted = Map.groupBy(verdicts, ([, outcome]) => outcome);
  for (const [outcome, count] of Object.entries(summary.counts))
    if ((counted.get(outcome)?.length ?? 0) !== count)
      report(
        'false verdict',
        `${count} ${outcome} in the summary, ${counted.get(outcome)?.length ?? 0} in the lines`,
      );
  for (const { line, row } of drop.lines) {
    const outcome = outcomes.get(line);
    if ((outcome === 'rejected') !== (row === undefined))
      report('false verdict', `line ${line} is ${row ? 'sound' : 'unreadable'} and ${outcome}`);
    const isTaken = outcome === 'inserted' || outcome === 'updated' || outcome === 'ignored';
    const isNamed = remarks.get(line)?.includes('u_count is empty: ') === true;
    if (isTaken && row && isCountLost(row) !== isNamed)
      report('false verdict', `line ${line}: ${outcome}, its count is named as lost: ${isNamed}`);
    if (outcome === 'notSent') report('lost', `line ${line} was not sent`);
    if (outcome === 'inserted' && kind.hasTwoMaps && row && isOddRow(Number(row.count)))
      report('false verdict', `line ${line} is inserted although one of its two maps failed`);
  }
  return wrong;
}

const outcomesOf = (verdicts: DropResult['verdicts']) =>
  new Map(verdicts.map(([line, outcome]) => [line, outcome]));

type Reported = Drop & { readonly result: DropResult | undefined };
type Judged = Drop & { readonly result: DropResult };

/** Rows are distinguished as far as their values allow: equal rows are counted. */
function judgeRows(drops: readonly Reported[], staged: readonly Row[], kind: ImportKind): readonly Damage[] {
  const claims = new Map<
    string,
    { sure: number; unknown: number; states: Map<string, number>; where: string }
  >();
  for (const { name, lines, result } of drops) {
    const outcomes = outcomesOf(result?.verdicts ?? []);
    for (const { line, row } of lines) {
      if (!row) continue;
      // Of a drop without an answer nothing is known.
      const outcome = result ? (outcomes.get(line) ?? 'none') : 'unknown';
      const id = idOf({ ...valuesOf(row), ...(isCountLost(row) && { u_count: '' }) });
      const claim = claims.get(id) ?? {
        sure: 0,
        unknown: 0,
        states: new Map(),
        where: `${name} line ${line}`,
      };
      claims.set(id, claim);
      if (outcome === 'unknown') claim.unknown += 1;
      if (!stored.has(outcome)) continue;
      claim.sure += 1;
      claim.states.set(outcome, (claim.states.get(outcome) ?? 0) + 1);
    }
  }
  const byId = Map.groupBy(staged, idOf);
  const strange = [...byId].filter(([id]) => !claims.has(id));
  const damages: Damage[] = strange.map(([id, rows]) => ({
    kind: 'doubled',
    text: `${rows.length} rows ${id} of no file`,
  }));
  for (const [id, { sure, unknown, states, where }] of claims) {
    const rows = byId.get(id) ?? [];
    const most = kind.resends && unknown > 0 ? Number.POSITIVE_INFINITY : sure + unknown;
    if (rows.length < sure)
      damages.push({ kind: 'lost', text: `${where}: ${rows.length} of ${sure} rows ${id} are there` });
    if (rows.length > most)
      damages.push({ kind: 'doubled', text: `${where}: ${rows.length} rows ${id} instead of ${most}` });
    // Keys show the outcome of every row, except where a load was interrupted.
    const open = rows.filter((row) => row['sys_import_state'] === 'pending').length;
    if (kind.isKeyed && unknown > open)
      damages.push({
        kind: 'false verdict',
        text: `${where}: ${unknown} rows ${id} are unknown although keyed`,
      });
    if (rows.length === sure && unknown === 0 && !kind.hasTwoMaps)
      damages.push(...judgeStates(states, rows, where));
  }
  return damages;
}

function judgeStates(
  states: ReadonlyMap<string, number>,
  rows: readonly Row[],
  where: string,
): readonly Damage[] {
  const held = Map.groupBy(rows, (row) => row['sys_import_state'] ?? '');
  return [...states].flatMap(([state, count]): Damage[] => {
    const there = held.get(state)?.length ?? 0;
    if (there === count) return [];
    return [
      {
        kind: 'false verdict',
        text: `${where}: ${count} reported as ${state}, held are ${[...held.keys()].join()}`,
      },
    ];
  });
}

const columns = ['u_code', 'u_text', 'u_count', 'u_day', 'u_at'];

/** All that distinguishes a row. What is neither true nor false is false. */
function idOf(row: Readonly<Record<string, unknown>>): string {
  return [...columns.map((column) => row[column] ?? ''), row['u_flag'] || false].join();
}

/**
 * Drops of one table are imported one after another, in the order in which they came. One that was deleted is not waited for while its
 * event is on its way.
 */
function judgeOrder(drops: readonly Judged[], staged: readonly Row[], kind: ImportKind): readonly Damage[] {
  const deleted = new Set(drops.flatMap(({ name, isDeleted }) => (isDeleted ? [name] : [])));
  const marks = staged.flatMap((row) => {
    const [, name = '', number = ''] = /^(\S+) (\d+)$/.exec(row['u_text'] ?? '') ?? [];
    return name === '' || deleted.has(name) ? [] : [name, number];
  });
  const names = marks.filter((_mark, index) => index % 2 === 0);
  const runs = names.filter((name, index) => name !== names[index - 1]);
  const wanted = drops.map(({ name }) => name).filter((name) => runs.includes(name));
  const damages: Damage[] = [];
  if (runs.length > 0 && runs.join() !== wanted.join())
    damages.push({ kind: 'wrong state', text: `stored in the order ${runs.slice(0, 12).join(' ')}` });
  if (!kind.isOrdered) return damages;
  const numbers = marks.filter((_mark, index) => index % 2 === 1).map(Number);
  const turned = numbers.findIndex(
    (number, index) => names[index] === names[index - 1] && number < (numbers[index - 1] ?? 0),
  );
  if (turned >= 0)
    damages.push({
      kind: 'wrong state',
      text: `${names[turned]}: row ${numbers[turned]} comes after ${numbers[turned - 1]}`,
    });
  return damages;
}
