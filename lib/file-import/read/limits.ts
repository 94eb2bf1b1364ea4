/** What a file may hold. Everything beyond has a clear outcome: the row is rejected or the file refused. */
export const readingLimits = {
  /** A longer record is rejected. */
  maxRecordBytes: 1 << 20,
  /** How far a quote may stay open before it counts as never closed. Also the most that is held of one record. */
  maxLookaheadBytes: 4 << 20,
  /** A header with more columns refuses the file. */
  maxColumns: 5_000,
  /** Of a gzip member: bytes out per byte in, once `gzipGraceBytes` came out. */
  maxGzipRatio: 200,
  gzipGraceBytes: 64 << 20,
  /** Of a gzip member, in all. */
  maxGzipBytes: 64 * 2 ** 30,
} as const;
