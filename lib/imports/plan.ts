import type { DropFormat } from './drop/drop-key.ts';
import type { ImportRequest } from './drop/import-request.ts';
import type { EarlierSets } from './loading/earlier-sets.ts';
import type { RowPlan } from './loading/row-plan.ts';
import type { Position } from './reading/byte-window.ts';
import type { Encoding } from './reading/encoding.ts';
import type { ImportSettings } from './settings/settings.ts';

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
