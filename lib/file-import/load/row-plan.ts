import type { DateColumn } from '../plan/date-column.ts';

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
  readonly date?: DateColumn;
};

/** How rows of one file become rows of one staging table; settled by the pre-flight, the same for the whole file. */
export type RowPlan = {
  /** By position in the file (in `header`, for JSON Lines); null for a column that is left out. */
  readonly targets: readonly (ColumnTarget | null)[];
  /** Names in the file's header, in its order. */
  readonly header: readonly string[];
  /** Added to every row, by JSON key. */
  readonly constants: readonly (readonly [jsonKey: string, value: string])[];
  /** Leaves empty values out of the row instead of sending `""`. */
  readonly emptyAsAbsent: boolean;
  /** JSON key of the column that carries `<version>:<line>`. */
  readonly rowKey?: { readonly jsonKey: string; readonly version: string };
};
