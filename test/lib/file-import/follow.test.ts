import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { followImport } from '../../../cli/import/follow-import.ts';
import { outcomeText } from '../../../cli/import/outcome-text.ts';
import { progressLine, viewProgress } from '../../../cli/import/progress-view.ts';
import { findDrop, uploadDrop } from '../../../cli/import/upload-drop.ts';
import { emptyTally } from '../../../lib/file-import/load/row-outcome.ts';
import { type ImportProgress, isAllWell } from '../../../lib/file-import/report/summary.ts';
import { bucket, jumpingClock, startWorld, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld({ demoData: false });
  return () => world.close();
});

async function upload(name: string, body: string) {
  const folder = await mkdtemp(join(tmpdir(), 'follow-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), body);
  const drop = await uploadDrop(world.s3, bucket, 'imp_load', join(folder, name));
  const request = await world.drop(drop.key, body);
  return { drop, request };
}

describe('following an import', () => {
  it('finds the very import that the file became, and reports it up to its summary', async () => {
    await world.run((await upload('people.csv', 'u_code\nfollow-old')).request);
    const { drop, request } = await upload('people.csv', 'u_code,u_text\nfollow-1,x\nfollow-2');
    const ignore = () => undefined;
    const following = followImport(world.s3, bucket, drop, jumpingClock(), ignore, ignore);
    await world.run(request);
    const summary = await following;
    expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 1, rejected: 1 } });
    expect(isAllWell(summary)).toBe(false);
    const text = await outcomeText(summary, world.s3);
    expect(text).toMatch(/completed: 2 rows .*inserted {2}1.*rejected {2}1.*rejected\.csv/s);
    // On AWS an address opens without signing in.
    expect(text).toMatch(/rejected\.csv\?\S*X-Amz-Expires=3600\S*X-Amz-Signature=/);
  });

  it('says once that nothing is heard, and goes on listening', async () => {
    const { drop, request } = await upload('quiet.csv', 'u_code\nquiet-1');
    let quiet = 0;
    const running: Promise<unknown>[] = [];
    const following = followImport(
      world.s3,
      bucket,
      drop,
      // Of its own: the import must not take the listener's waits for time that passes.
      jumpingClock(),
      () => undefined,
      () => {
        quiet++;
        running.push(world.run(request));
      },
    );
    expect((await following).counts).toMatchObject({ inserted: 1 });
    expect(quiet).toBe(1);
    // The summary is there before the import has ended.
    await Promise.all(running);
  });
});

describe('a file that was dropped', () => {
  it('is found by its key before its import has begun, also where settings put the results elsewhere', async () => {
    await world.settings('imp_load', { resultsPrefix: 'results/elsewhere/' });
    const { drop, request } = await upload('early.csv', 'u_code\nearly-1');
    const found = await findDrop(world.s3, bucket, 'imports/imp_load/early.csv');
    expect(found).toEqual(drop);
    const ignore = () => undefined;
    const following = followImport(world.s3, bucket, found ?? drop, jumpingClock(), ignore, ignore);
    await world.run(request);
    expect((await following).counts).toMatchObject({ inserted: 1 });
  });

  it('is not found where there is none', async () => {
    expect(await findDrop(world.s3, bucket, 'imports/imp_load/nothing.csv')).toBeUndefined();
  });
});

describe('the progress of an import', () => {
  const progress: ImportProgress = {
    importId: 'x',
    version: 'v',
    phase: 'loading',
    startedAt: '2026-11-24T03:00:00.000Z',
    updatedAt: '2026-11-24T03:00:10.000Z',
    bytes: { read: 500, total: 1_000 },
    rows: 100,
    counts: { ...emptyTally(), inserted: 40, error: 7, rejected: 3 },
  };

  it('shows share, speed, errors and the time that is left', () => {
    // Half of the bytes are loaded, and a quarter of the 200 rows to be has its verdict.
    expect(viewProgress(progress)).toEqual({
      share: 0.375,
      rows: 100,
      rowsPerSecond: 10,
      errors: 10,
      secondsLeft: 17,
      phase: 'loading',
    });
    expect(progressLine(viewProgress(progress))).toBe(
      'loading: 38 %, 100 rows, 10 rows/s, 10 errors, about 17 s left',
    );
  });

  it('does not guess where the size of the content is not known', () => {
    const view = viewProgress({ ...progress, bytes: { read: 500, total: 0 } });
    expect(view).toMatchObject({ share: 0, rows: 100, secondsLeft: undefined });
  });
});
