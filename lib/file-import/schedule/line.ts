import type { S3Client } from '@aws-sdk/client-s3';
import { deleteObject, type ListedObject, listObjects, type ObjectRef, writeObject } from '../../aws/s3.ts';
import type { Clock } from '../../core/clock.ts';
import { parseDropKey } from './drop-key.ts';
import { executionName, type ImportRequest } from './import-request.ts';
import { isKnown } from './seen-drops.ts';

/** How long the event of a drop may be under way: S3 delivers within seconds, at times a minute (S3 User Guide). */
const underWayMs = 60_000;

/**
 * Whoever waits renews its place with every look, at the latest every 30 s. One that was not renewed for so long counts for
 * nothing: its execution is gone, or was never started.
 */
const placeLeaseMs = 300_000;

/** Takes a place in the line of the import's table, or renews it. */
export async function queueUp(s3: S3Client, clock: Clock, request: ImportRequest): Promise<void> {
  const note = { import: executionName(request), renewedAtMs: clock.now() };
  await writeObject(s3, placeOf(request), JSON.stringify(note), 'application/json');
}

/** Gives the place up. */
export async function leaveLine(s3: S3Client, request: ImportRequest): Promise<void> {
  await deleteObject(s3, placeOf(request));
}

/** True when nobody who is alive stands before this import, and no earlier drop can still join the line. */
export async function isFirst(s3: S3Client, clock: Clock, request: ImportRequest): Promise<boolean> {
  if (await isBehind(s3, clock, request)) return false;
  const earlier = await earlierDrops(s3, clock, request);
  for (const object of earlier) if (!(await isKnown(s3, request, object))) return false;
  // One that was under way until now stands in the line by now.
  return earlier.length === 0 || !(await isBehind(s3, clock, request));
}

async function isBehind(s3: S3Client, clock: Clock, request: ImportRequest): Promise<boolean> {
  const mine = placeOf(request).key;
  const aliveSinceMs = clock.now() - placeLeaseMs;
  const line = listObjects(s3, request.bucket, `turns/waiting/${request.table}/`);
  for await (const { key, modifiedMs } of line) {
    if (key === mine) return false;
    if (modifiedMs >= aliveSinceMs) return true;
  }
  return false;
}

/**
 * Events come in any order and are worked on side by side, so the bucket itself is asked which drops there were before
 * this one: each of them has to have its place first. Only a drop younger than `underWayMs` holds others up,
 * so that an event that never comes (an object from before the deployment, say) blocks nothing.
 */
async function earlierDrops(s3: S3Client, clock: Clock, request: ImportRequest): Promise<ListedObject[]> {
  const droppedMs = Date.parse(request.droppedAt);
  const sinceMs = clock.now() - underWayMs;
  const earlier: ListedObject[] = [];
  if (droppedMs < sinceMs) return earlier;
  for await (const object of listObjects(s3, request.bucket, `imports/${request.table}/`)) {
    const isEarlier = object.modifiedMs >= sinceMs && object.modifiedMs <= droppedMs;
    const isDrop = object.size > 0 && !('ignored' in parseDropKey(object.key));
    if (isEarlier && isDrop && object.key !== request.key) earlier.push(object);
  }
  return earlier;
}

function placeOf(request: ImportRequest): ObjectRef {
  const order = `${request.droppedAt}~${request.sequencer.padEnd(32, '0')}~${executionName(request)}`;
  return { bucket: request.bucket, key: `turns/waiting/${request.table}/${order}` };
}
