import type { Position } from '../read/byte-window.ts';
import type { LineRuns } from './line-runs.ts';

/** Rows that go to the instance in one request. */
export type Chunk = {
  /** `{"records":[…]}` as UTF-8. */
  readonly body: Uint8Array;
  readonly rows: number;
  /** The physical line of each row, in the order of the rows. */
  readonly lines: LineRuns;
  /** Where the file goes on behind the chunk. */
  readonly next: Position;
};

/** A row that is not sent. */
export type RejectedRow = {
  readonly line: number;
  readonly reason: string;
  /** The record as it stands in the (decompressed) content, without its line ending. */
  readonly raw: Uint8Array;
};
