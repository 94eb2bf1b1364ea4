import type { DropFormat, ImportRequest } from '../schedule/import-request.ts';
import type { DateColumn } from './date-column.ts';
import type { ImportSettings } from './settings.ts';

/** Where reading stands between two records, enough to go on there another time. */
export type Position = {
  /** Offset of the next record's first byte, in the (decompressed) content. */
  readonly byte: number;
  /** Physical line of the next record, from 1. */
  readonly line: number;
};

/** How bytes become text. */
export type Encoding = {
  /** WHATWG name, e.g. `utf-8`, `windows-1252`. */
  readonly name: string;
  /** Length of the byte order mark at the front, 0 without one. */
  readonly bomBytes: number;
  /**
   * - `utf-8`: bytes are used as they are.
   * - `ascii-superset`: scanned as bytes, fields decoded one by one.
   * - `transcode`: turned into UTF-8 before it is scanned, since delimiters hide inside its characters.
   */
  readonly way: 'utf-8' | 'ascii-superset' | 'transcode';
};

/** Import sets of a staging table that were there before a load: the load can have made only later ones. */
export type EarlierSets = {
  /** UTC, `yyyy-MM-dd HH:mm:ss`, on the instance's clock: no set of the load is older. */
  readonly since: string;
  /** sys_ids of those that are no older than that all the same. */
  readonly ids: readonly string[];
};

/** What a column keeps that is not text; `other` where a value may come back in another form. */
export type ValueKind = 'integer' | 'decimal' | 'boolean' | 'date' | 'date_time' | 'other';

/** Where one column of the file goes. */
export type ColumnTarget = {
  /** Column of the staging table. */
  readonly column: string;
  /** What insertMultiple calls it there: its label or its name. */
  readonly jsonKey: string;
  /** In characters; longer values reject their row, since ServiceNow would cut them silently. */
  readonly maxLength?: number;
  /** True for a column that keeps numbers, dates, references and the like: it may give a value back in another form. */
  readonly isTyped?: boolean;
  /** What it keeps then. */
  readonly kind?: ValueKind;
  readonly date?: DateColumn;
};

/** How rows of one file become rows of one staging table; decided by the pre-flight, the same for the whole file. */
export type RowPlan = {
  /** By position in the file (in `header`, for JSON Lines); null for a column that is left out. */
  readonly targets: readonly (ColumnTarget | null)[];
  /** Names in the file's header, in its order. */
  readonly header: readonly string[];
  /** Added to every row, by JSON key. */
  readonly constants: readonly (readonly [jsonKey: string, value: string])[];
  /** The staging columns of the constants, in their order. */
  readonly constantTargets?: readonly ColumnTarget[];
  /** Leaves empty values out of the row instead of sending `""`. */
  readonly emptyAsAbsent: boolean;
  /** Places of columns without a name that are left out as long as they are empty. */
  readonly blankColumns?: readonly number[];
  /** Rows may end before the last columns, whose values are then empty. */
  readonly acceptsShortRows?: boolean;
  /** JSON key of the column that carries `<version>:<line>`. */
  readonly rowKey?: { readonly jsonKey: string; readonly version: string };
};

/** How the bytes of the object become records. */
export type ContentPlan = {
  readonly format: DropFormat;
  readonly gzip: boolean;
  readonly encoding: Encoding;
  readonly delimiter: string;
  /** Where the first row begins. */
  readonly start: Position;
  /** The encoding that a file which is not valid in its own seems to have. */
  readonly likelyEncoding?: string;
  /** The file names its delimiter in a first line, `sep=;`. */
  readonly namesDelimiter?: boolean;
  /** The header's own bytes, base64, for `rejected.csv`; empty for JSON Lines. */
  readonly headerBytes: string;
};

/** Everything that is decided before the first row; kept in the work folder and the same for every step. */
export type ImportPlan = {
  readonly request: ImportRequest;
  /** ISO time. */
  readonly startedAt: string;
  /** Where the results go, ends in `/`. */
  readonly folder: string;
  /** The instance by its name in the deployment; absent in plans of earlier releases. */
  readonly instance?: string;
  readonly settings: ImportSettings;
  readonly content: ContentPlan;
  readonly row: RowPlan;
  /** True when `keyColumn` is set and identifies the rows: the column's name. */
  readonly keyColumn?: string;
  /** Staging columns by which the active transform maps coalesce, and the tables that they fill; absent where they cannot be seen. */
  readonly coalesceColumns?: readonly string[];
  readonly targetTables?: readonly string[];
  /** Present where lost answers are reconciled by import sets and some were there before. */
  readonly earlierSets?: EarlierSets;
};

/** True when a place in the content is that place in the object: it is neither compressed nor in an encoding that is converted. */
export function isPlain({ gzip, encoding }: Pick<ContentPlan, 'gzip' | 'encoding'>): boolean {
  return !gzip && encoding.way !== 'transcode';
}

/** Staging columns that a person knows a row by: the row key, or what its transform maps coalesce by. */
export function ownKeyColumns({ keyColumn, coalesceColumns = [] }: ImportPlan): readonly string[] {
  return keyColumn === undefined ? coalesceColumns : [keyColumn];
}
