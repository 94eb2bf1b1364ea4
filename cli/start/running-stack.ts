import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';

const endpoint = z.object({ endpoint: z.string() });

/** A stack that runs on this machine, and where everything answers. */
const runningStackSchema = z.object({
  pid: z.number(),
  /** Opens `/__emulator/` on the instance; only this user can read it. */
  controlToken: z.string(),
  endpoints: z.object({
    api: z.string(),
    instance: z.object({ url: z.string(), username: z.string(), password: z.string() }),
    sqs: z.object({ endpoint: z.string(), recordsQueueUrl: z.string(), recordsDlqUrl: z.string() }),
    s3: z.object({ endpoint: z.string(), bucket: z.string() }),
    lambda: endpoint,
    secretsManager: endpoint,
    dynamodb: z.object({ endpoint: z.string(), stateTable: z.string().optional() }),
  }),
});

export type RunningStack = z.infer<typeof runningStackSchema>;

/** In the user's own cache, by project: another user's stack, or that of another project, may listen on the same ports. */
function markerFolder(): string {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(cache, 'servicenow-functions');
}

function markerOf(project: string): string {
  const name = createHash('sha256').update(project).digest('hex').slice(0, 16);
  return join(markerFolder(), `${name}.json`);
}

/** Records that a stack runs for this user and project, so that tools find it. Nothing depends on it. */
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
      if (readMarker(marker)?.pid === stack.pid) rmSync(marker, { force: true });
    },
  };
}

/** The stack that this user runs in this folder, else the only one that this user runs; undefined when there is none or several. */
export function findRunningStack(project: string): RunningStack | undefined {
  const own = readMarker(markerOf(project));
  if (own) return own;
  const others = listMarkers().flatMap((marker) => readMarker(marker) ?? []);
  return others.length === 1 ? others[0] : undefined;
}

function listMarkers(): readonly string[] {
  try {
    const files = readdirSync(markerFolder()).filter((file) => /^[0-9a-f]{16}\.json$/.test(file));
    return files.map((file) => join(markerFolder(), file));
  } catch {
    // There was never a stack.
    return [];
  }
}

function readMarker(marker: string): RunningStack | undefined {
  try {
    const stack = runningStackSchema.parse(JSON.parse(readFileSync(marker, 'utf8')));
    process.kill(stack.pid, 0);
    return stack;
  } catch {
    // No marker, one of another release, or one of a process that was killed.
    return undefined;
  }
}
