import type { ByteWindow, Taken } from './byte-window.ts';

/** What all row formats share: the window, and how the record taken last is to be read. */
export interface RecordTokenizer {
  readonly window: ByteWindow;
  /** Why the record taken last cannot be used; undefined when it can. */
  problem: string | undefined;
  /** Marks of the whole record, see `mark`. */
  marks: number;
  /** True in the middle of a line that was rejected for its length: nobody can go on here another time. */
  readonly isInsideLine: boolean;
  next(): Taken;
}

/** What is known of a field or record after one pass over its bytes. */
export const mark = {
  /** Was quoted in the file. */
  quoted: 1,
  /** Holds a doubled quote. */
  doubled: 2,
  /** Holds a byte that JSON has to escape. */
  escape: 4,
  /** Holds a byte above 0x7F. */
  nonAscii: 8,
  nul: 16,
} as const;
