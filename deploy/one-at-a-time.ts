import { readFile, rm, writeFile } from 'node:fs/promises';
import { type Clock, systemClock } from '../lib/core/clock.ts';

const lookAgainMs = 100;

/**
 * Runs `work` while no other process on this machine runs work under the same lock file, which holds the process id of
 * its owner. The lock of a process that died is taken over.
 */
export async function oneAtATime<T>(
  lockFile: string,
  work: () => Promise<T>,
  clock: Clock = systemClock,
): Promise<T> {
  while (!(await take(lockFile))) {
    if (await isAbandoned(lockFile)) await rm(lockFile, { force: true });
    else await clock.sleep(lookAgainMs);
  }
  try {
    return await work();
  } finally {
    await rm(lockFile, { force: true });
  }
}

async function take(lockFile: string): Promise<boolean> {
  try {
    await writeFile(lockFile, `${process.pid}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function isAbandoned(lockFile: string): Promise<boolean> {
  const owner = Number(await readFile(lockFile, 'utf8').catch(() => ''));
  // Not written yet, or just removed: the next attempt shows which.
  if (!owner) return false;
  try {
    process.kill(owner, 0);
    return false;
  } catch {
    return true;
  }
}
