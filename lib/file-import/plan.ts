import type { EarlierSets } from './load/earlier-sets.ts';
import type { RowPlan } from './load/row-plan.ts';
import type { ImportSettings } from './plan/settings.ts';
import type { Position } from './read/byte-window.ts';
import type { Encoding } from './read/encoding.ts';
import type { DropFormat } from './schedule/drop-key.ts';
import type { ImportRequest } from './schedule/import-request.ts';

/** How the bytes of the object become records. */
export type ContentPlan = {
  readonly format: DropFormat;
  readonly gzip: boolean;
  readonly encoding: Encoding;
  readonly delimiter: string;
  /** Where the first row begins. */
  readonly start: Position;
  /** The header's own bytes, base64, for `rejected.csv`; empty for JSON Lines. */
  readonly headerBytes: string;
};

/** Everything that is settled before the first row; kept in the work folder and the same for every step. */
export type ImportPlan = {
  readonly request: ImportRequest;
  /** ISO time. */
  readonly startedAt: string;
  /** Where the results go, ends in `/`. */
  readonly folder: string;
  readonly settings: ImportSettings;
  readonly content: ContentPlan;
  readonly row: RowPlan;
  /** True when `keyColumn` is set and rows can be told apart by it: the column's name. */
  readonly keyColumn?: string;
  /** Present where lost answers are settled by import sets and some were there before. */
  readonly earlierSets?: EarlierSets;
};
