import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { oneAtATime } from '../../deploy/one-at-a-time.ts';

const folder = mkdtempSync(join(tmpdir(), 'lock-'));
const clock = { now: () => 0, sleep: () => tick() };
afterAll(() => rm(folder, { recursive: true }));

describe('oneAtATime', () => {
  it('lets no caller in while another one works', async () => {
    const file = join(folder, 'shared');
    let inside = 0;
    const work = async () => {
      inside += 1;
      expect(inside).toBe(1);
      await tick();
      inside -= 1;
    };
    await Promise.all([1, 2, 3].map(() => oneAtATime(file, work, clock)));
    expect(existsSync(file)).toBe(false);
  });

  it('frees the lock when the work fails', async () => {
    const file = join(folder, 'failed');
    await expect(oneAtATime(file, () => Promise.reject(new Error('boom')), clock)).rejects.toThrow('boom');
    expect(await oneAtATime(file, async () => 'next', clock)).toBe('next');
  });

  it('takes the lock over from a process that died', async () => {
    const file = join(folder, 'abandoned');
    writeFileSync(file, '999999999');
    expect(await oneAtATime(file, async () => 'mine', clock)).toBe('mine');
  });
});
