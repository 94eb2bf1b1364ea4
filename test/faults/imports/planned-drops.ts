import type { Dice } from '../harness/dice.ts';
import type { Drop } from './import-judge.ts';
import {
  columnsOf,
  type FileRow,
  type ImportKind,
  importKinds,
  rowsOfKind,
  valuesOf,
} from './import-tables.ts';

/** A file with rows that is going to be dropped. */
export type PlannedDrop = Omit<Drop, 'versionId'> & {
  readonly kindName: string;
  readonly kind: ImportKind;
  readonly body: string;
  /** Its key has characters that an event writes in another way. */
  readonly isEncoded: boolean;
};

/** A drop that is no import: its uploader gets an answer with a reason all the same. */
export type OddDrop = {
  readonly what: string;
  readonly key: string;
  readonly body: string;
  readonly reason: RegExp;
  /** Its version is deleted before its event comes. */
  readonly isGone?: true;
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
      const isEncoded = dice.chance(20);
      const file = isEncoded ? `sub folder/Prüfung ${round + 1} + %41&` : `file-${round + 1}`;
      const key = `imports/${kind.table}/${file}.${kind.format}`;
      const name = `${seed}v${round + 1}`;
      const perFile = rowsOfKind(kind, rows) / files;
      const count = Math.ceil(Math.max(kind.rowsPerRequest + 5, perFile) * (0.5 + dice.random()));
      const lines = Array.from({ length: count }, (__, index) => ({
        line: index + 2,
        row: dice.chance(1) ? undefined : kind.row(name, index),
      }));
      const isAgain = before !== undefined && dice.chance(30);
      const drop = {
        ...{ name, key: isAgain ? before : key, lines, kindName, kind, body: fileOf(kind, lines) },
        ...{ isEncoded: isEncoded && !isAgain, isDeleted: dice.chance(5) },
      };
      last.set(kind, drop.key);
      return drop;
    }),
  );
}

/** A file of such lines; JSON Lines begin with a blank one, in the place of a header. */
function fileOf(kind: ImportKind, lines: Drop['lines']): string {
  const columns = columnsOf(kind);
  if (kind.format === 'jsonl') return ['', ...lines.map(({ row }, index) => toJson(row, index))].join('\n');
  return [columns.join(), ...lines.map(({ row }, index) => toCsv(columns, row, index))].join('\n');
}

/** A line with columns too many cannot be read. */
function toCsv(columns: readonly string[], row: FileRow | undefined, index: number): string {
  if (!row) return `C${index},unreadable,1,2,3,4,5,6,7,8`;
  const values = new Map(Object.entries(valuesOf(row)));
  return columns.map((column) => values.get(column)).join();
}

/** What is empty is null, left out, or empty text. */
function toJson(row: FileRow | undefined, index: number): string {
  if (!row) return `{"u_code":"C${index}","u_text":`;
  const empty = [null, undefined, ''][index % 3];
  const values = Object.entries(valuesOf(row)).map(([name, value]) => [name, value === '' ? empty : value]);
  return JSON.stringify(Object.fromEntries(values));
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
    {
      what: 'deleted before its event',
      key: `imports/${table()}/gone.csv`,
      body: rows,
      reason: /./,
      isGone: true,
    },
    { what: 'table not allowed', key: 'imports/imp_other/list.csv', body: rows, reason: /imp_other/ },
  ];
}
