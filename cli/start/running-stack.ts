import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';

/** Where the imports of a stack on this machine go. */
const runningStackSchema = z.object({ pid: z.number(), endpoint: z.string(), bucket: z.string() });

export type RunningStack = z.infer<typeof runningStackSchema>;

/** In the user's own cache, by project: another user's stack, or that of another project, may listen on the same ports. */
function markerOf(project: string): string {
  const name = createHash('sha256').update(project).digest('hex').slice(0, 16);
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(cache, 'servicenow-functions', `${name}.json`);
}

/** Records that `npm start` runs for this user and project, so that tools find it. Nothing depends on it. */
export function announceStack(project: string, stack: RunningStack): { withdraw(): void } {
  const marker = markerOf(project);
  try {
    mkdirSync(dirname(marker), { recursive: true, mode: 0o700 });
    writeFileSync(marker, JSON.stringify(stack), { mode: 0o600 });
  } catch {
    // The home folder is not writable: tools then need --endpoint.
    return { withdraw() {} };
  }
  return {
    withdraw() {
      if (findRunningStack(project)?.pid === stack.pid) rmSync(marker, { force: true });
    },
  };
}

/** The stack that this user's `npm start` of this project runs; undefined when there is none. */
export function findRunningStack(project: string): RunningStack | undefined {
  try {
    const stack = runningStackSchema.parse(JSON.parse(readFileSync(markerOf(project), 'utf8')));
    process.kill(stack.pid, 0);
    return stack;
  } catch {
    // No marker, one of another release, or one of a process that was killed.
    return undefined;
  }
}
