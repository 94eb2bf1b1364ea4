/** What of Import Sets can be set; part of the instance's switches. */
export type ImportSwitches = {
  /** How long an asynchronous set waits, loaded, for the transformer job, in milliseconds. */
  readonly transformDelayMs: number;
  /** Staging tables whose rows insertMultiple takes without transforming them, at speed; `*` for all. */
  readonly sinkStagingTables: readonly string[];
  /** A sink keeps its rows, marked `inserted`; otherwise it only counts them. */
  readonly sinkKeepsRows: boolean;
  /** The HTTP status of a row that failed: the body says so in either case. */
  readonly failedRowStatus: 200 | 201;
  /** The plugin "Insert Multiple Web Service" is there; without it the path leads nowhere. */
  readonly insertMultipleInstalled: boolean;
  /** A table that takes no import rows is told of as the error of a row, with a 201. Default: 400 `Invalid table`. */
  readonly invalidStagingTableAsRowError: boolean;
  /** `sys_import_row` of the first row of a set is 0. Default: 1. */
  readonly stagingRowsFromZero: boolean;
  /** A staging row with more bytes than this is skipped: it does not get into its set. */
  readonly maxStagingRowBytes: number;
};

export const defaultImportSwitches: ImportSwitches = {
  transformDelayMs: 100,
  sinkStagingTables: [],
  sinkKeepsRows: true,
  failedRowStatus: 201,
  insertMultipleInstalled: true,
  invalidStagingTableAsRowError: false,
  stagingRowsFromZero: false,
  maxStagingRowBytes: 8_126,
};
