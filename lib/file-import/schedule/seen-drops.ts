import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod/mini';
import { type ObjectRef, readText, writeIfUnchanged } from '../../aws/s3.ts';
import type { ImportRequest } from './import-request.ts';
import { compareSequencers } from './sequencer.ts';

/**
 * `turns/seen/{table}/{hash of the key}`: which drop of a key an event told of last, so that late events of older ones
 * are known for what they are, and whether it has its place in the line of its table.
 */
const markSchema = z.object({
  key: z.string(),
  sequencer: z.string(),
  droppedAt: z.string(),
  inLine: z.boolean(),
});
type Mark = z.infer<typeof markSchema>;

/** Racing copies of one event meet here; each loses to another one at most so often. */
const maxRaces = 20;

/**
 * Notes that the event of a drop came.
 * @returns `outdated` when a newer drop of the same key was noted before: S3 delivers events out of order at times, and
 * the newer content counts; `in line` when an earlier copy of this event was noted together with the drop's place
 */
export async function noteDrop(
  s3: S3Client,
  request: ImportRequest,
): Promise<'outdated' | 'new' | 'in line'> {
  const ref = markOf(request.bucket, request.table, request.key);
  for (let race = 0; race < maxRaces; race++) {
    const stored = await readText(s3, ref);
    const seen = stored && parseMark(stored.text);
    const order = seen ? compareSequencers(request.sequencer, seen.sequencer) : 1;
    if (order < 0) return 'outdated';
    if (order === 0) return seen?.inLine ? 'in line' : 'new';
    if (await writeIfUnchanged(s3, ref, textOf(request, false), stored?.eTag)) return 'new';
  }
  throw new Error(`${request.key}: lost ${maxRaces} races for its marker; the message comes back`);
}

/** Notes that a drop has its place in the line, unless a newer drop of the same key was noted meanwhile. */
export async function notePlace(s3: S3Client, request: ImportRequest): Promise<void> {
  const ref = markOf(request.bucket, request.table, request.key);
  const stored = await readText(s3, ref);
  if (stored && compareSequencers(parseMark(stored.text).sequencer, request.sequencer) !== 0) return;
  await writeIfUnchanged(s3, ref, textOf(request, true), stored?.eTag);
}

/** True when the event of an object came, and the drop was given its place; the object was stored at `modifiedMs`. */
export async function isKnown(
  s3: S3Client,
  { bucket, table }: ImportRequest,
  object: { readonly key: string; readonly modifiedMs: number },
): Promise<boolean> {
  const stored = await readText(s3, markOf(bucket, table, object.key));
  if (!stored) return false;
  const { inLine, droppedAt } = parseMark(stored.text);
  return inLine && Date.parse(droppedAt) >= object.modifiedMs;
}

function markOf(bucket: string, table: string, key: string): ObjectRef {
  return { bucket, key: `turns/seen/${table}/${createHash('sha256').update(key).digest('hex')}` };
}

function parseMark(text: string): Mark {
  return markSchema.parse(JSON.parse(text));
}

function textOf({ key, sequencer, droppedAt }: ImportRequest, inLine: boolean): string {
  return JSON.stringify({ key, sequencer, droppedAt, inLine } satisfies Mark);
}
