import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { readText, writeIfUnchanged } from '../../aws/s3.ts';
import type { ImportRequest } from './import-request.ts';
import { compareSequencers } from './sequencer.ts';

/** Racing copies of one event meet here; each loses to another one at most so often. */
const maxRaces = 20;

/**
 * Notes that a drop was seen, unless a newer one of the same key was seen before.
 * @returns false when this one is older: S3 delivers events out of order at times, and the newer content counts
 */
export async function isNewest(s3: S3Client, request: ImportRequest): Promise<boolean> {
  const hash = createHash('sha256').update(request.key).digest('hex');
  const ref = { bucket: request.bucket, key: `turns/seen/${request.table}/${hash}` };
  for (let race = 0; race < maxRaces; race++) {
    const seen = await readText(s3, ref);
    const order = seen ? compareSequencers(request.sequencer, sequencerOf(seen.text)) : 1;
    if (order <= 0) return order === 0;
    const note = JSON.stringify({ key: request.key, sequencer: request.sequencer });
    if ((await writeIfUnchanged(s3, ref, note, seen?.eTag)) !== undefined) return true;
  }
  throw new Error(`${request.key}: lost ${maxRaces} races for its marker; the message comes back`);
}

function sequencerOf(text: string): string {
  const stored: { sequencer: string } = JSON.parse(text);
  return stored.sequencer;
}
