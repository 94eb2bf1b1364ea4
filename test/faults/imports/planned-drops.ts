import type { Dice } from '../harness/dice.ts';
import type { Drop } from './import-judge.ts';
import { type ImportKind, importKinds, rowsOfKind } from './import-tables.ts';

/** A file with rows that is going to be dropped. */
export type PlannedDrop = Omit<Drop, 'versionId'> & {
  readonly kindName: string;
  readonly kind: ImportKind;
  readonly body: string;
};

/** A drop that is no import: its uploader gets an answer with a reason all the same. */
export type OddDrop = {
  readonly what: string;
  readonly key: string;
  readonly body: string;
  readonly reason: RegExp;
};

/** About so many rows a file, where there are many; the sizes differ. */
const rowsPerFile = 4_000;
const mostFiles = 12;
const header = 'u_code,u_text,u_count';

/**
 * The files of a storm, in rounds: those of one round are dropped at once, one of each table. Now and then one is a second version
 * of the file that was dropped before it.
 */
export function planDrops(rows: number, seed: number, dice: Dice): readonly (readonly PlannedDrop[])[] {
  const kinds = Object.entries(importKinds);
  const files = Math.min(mostFiles, 2 + Math.floor(rows / kinds.length / rowsPerFile));
  const last = new Map<ImportKind, string>();
  return Array.from({ length: files }, (_, round) =>
    kinds.map(([kindName, kind]) => {
      const before = last.get(kind);
      const key = `imports/${kind.table}/file-${round + 1}.csv`;
      const name = `${seed}v${round + 1}`;
      const perFile = rowsOfKind(kind, rows) / files;
      const count = Math.ceil(Math.max(kind.rowsPerRequest + 5, perFile) * (0.5 + dice.random()));
      const lines = Array.from({ length: count }, (__, index) => ({
        line: index + 2,
        row: dice.chance(1) ? undefined : kind.row(name, index),
      }));
      const body = [header, ...lines.map(({ row }, index) => toCsv(row, index))].join('\n');
      const drop = { name, key: before && dice.chance(30) ? before : key, lines, kindName, kind, body };
      last.set(kind, drop.key);
      return drop;
    }),
  );
}

/** A line with a column too many cannot be read. */
function toCsv(row: ReturnType<ImportKind['row']> | undefined, index: number): string {
  return row ? `${row.code},${row.text},${row.count}` : `C${index},unreadable,1,2,3`;
}

/** One of each kind of drop that is no import. */
export function planOddDrops(dice: Dice): readonly OddDrop[] {
  const tables = Object.values(importKinds).map(({ table }) => table);
  const table = () => tables[Math.floor(dice.random() * tables.length)] ?? '';
  const rows = `${header}\nodd,odd,1`;
  const ending = /must end in \.csv/;
  return [
    { what: 'empty', key: `imports/${table()}/empty.csv`, body: '', reason: /empty/ },
    { what: 'header only', key: `imports/${table()}/header.tsv`, body: 'nothing', reason: /./ },
    { what: 'unknown type', key: `imports/${table()}/list.xlsx`, body: 'PK', reason: ending },
    { what: 'without an ending', key: `imports/${table()}/list`, body: rows, reason: ending },
    { what: 'outside the folders', key: 'imports/list.csv', body: rows, reason: /not in a folder/ },
    { what: 'misspelt folder', key: `Imports/${table()}/list.csv`, body: rows, reason: /not in a folder/ },
    { what: 'no table name', key: 'imports/no-table/list.csv', body: rows, reason: /not a table name/ },
    {
      what: 'settings too deep',
      key: `imports/${table()}/sub/_import.json`,
      body: '{}',
      reason: /settings belong in imports\/\w+\/_import\.json/,
    },
    { what: 'table not allowed', key: 'imports/imp_other/list.csv', body: rows, reason: /imp_other/ },
  ];
}
