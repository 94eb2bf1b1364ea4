import { createHash } from 'node:crypto';
import * as z from 'zod/mini';

/** The input of one import: which object, pinned, and for which staging table. Equal for equal objects. */
export const importRequestSchema = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  /** Present in a versioned bucket. */
  versionId: z.optional(z.string()),
  /** Without quotes. */
  eTag: z.string(),
  size: z.number(),
  table: z.string(),
  /** ISO time of the drop, as S3 saw it. */
  droppedAt: z.string(),
  sequencer: z.string(),
});

export type ImportRequest = z.infer<typeof importRequestSchema>;

/** What tells one object from every other: bucket, key, and version (or ETag where the bucket keeps no versions). */
function objectIdentity(request: ImportRequest): string {
  return [request.bucket, request.key, request.versionId ?? request.eTag].join('\n');
}

/**
 * The durable execution's name: the same object always gets the same one, so Lambda itself refuses to run it twice.
 * Durable execution names take 1-64 of `[A-Za-z0-9_-]`.
 */
export function executionName(request: ImportRequest): string {
  const hash = createHash('sha256').update(objectIdentity(request)).digest('hex');
  return `${request.table.slice(0, 24)}-${hash.slice(0, 32)}`;
}

/** Twelve characters that stand for the object's version in row keys (`<version>:<line>` has to fit 40 characters). */
export function versionMark(request: ImportRequest): string {
  return createHash('sha256').update(objectIdentity(request)).digest('hex').slice(0, 12);
}
