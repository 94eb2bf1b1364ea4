import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { makeFolder } from '../emulator/aws/make-folder.ts';

const endpoint = z.object({ endpoint: z.string() });

/** A stack that runs on this machine, and where everything answers. */
const runningStackSchema = z.object({
  pid: z.number(),
  /** Absolute; where it was started. */
  project: z.string(),
  /** Absolute; no other running stack has it. */
  dataFolder: z.string(),
  /** True where the functions talk to a person's own instance. */
  ownInstance: z.boolean().default(false),
  /** Opens `/__emulator/` on the instance; only this user can read it. */
  controlToken: z.string(),
  endpoints: z.object({
    api: z.string(),
    instance: z.object({ url: z.string(), username: z.string(), password: z.string() }),
    sqs: z.object({
      endpoint: z.string(),
      recordsQueueUrl: z.string(),
      recordsDlqUrl: z.string(),
      queues: z
        .array(
          z.object({ name: z.string(), url: z.string(), deadLettersOf: z.string().nullable().optional() }),
        )
        .readonly()
        .default([]),
      eventsQueueUrl: z.string().optional(),
      eventsDlqUrl: z.string().optional(),
      signalsQueueUrl: z.string().optional(),
    }),
    s3: z.object({ endpoint: z.string(), bucket: z.string() }),
    lambda: endpoint,
    cloudWatch: endpoint,
    secretsManager: endpoint,
    dynamodb: z.object({ endpoint: z.string(), stateTable: z.string().optional() }),
  }),
});

export type RunningStack = z.infer<typeof runningStackSchema>;

/**
 * In the user's own cache: another user's stack may listen on the same ports. A user without a home has a folder among the temporary ones.
 * @throws Error when that is not the user's own
 */
function markerFolder(): string {
  const home = homeFolder();
  const cache = process.env['XDG_CACHE_HOME'] || (home && join(home, '.cache'));
  if (cache) return join(cache, 'servicenow-functions');
  const uid = process.getuid?.() ?? 0;
  const folder = join(tmpdir(), `servicenow-functions-${uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (lstatSync(folder).uid !== uid) throw new Error(`${folder} is another user's`);
  return folder;
}

function homeFolder(): string | undefined {
  try {
    return homedir();
  } catch {
    // A user id that no one has, as in a container.
    return undefined;
  }
}

/** Records that a stack of this user runs, so that commands find it. Nothing else depends on it. */
export function announceStack(stack: RunningStack): { withdraw(): void } {
  const name = createHash('sha256').update(stack.dataFolder).digest('hex').slice(0, 16);
  try {
    const folder = markerFolder();
    makeFolder(folder, 0o700);
    forgetGoneStacks(stack);
    const marker = join(folder, `${name}.json`);
    writeFileSync(marker, JSON.stringify(stack), { mode: 0o600 });
    return {
      withdraw() {
        if (readMarker(marker)?.pid === stack.pid) rmSync(marker, { force: true });
      },
    };
  } catch {
    // The folder is not writable: commands then need --endpoint or --queue.
    return { withdraw() {} };
  }
}

/**
 * Removes the markers of stacks that were killed. Another process may have got the id of one: it is known to be gone because the
 * new stack listens on its port.
 */
function forgetGoneStacks({ endpoints }: RunningStack): void {
  for (const marker of listMarkers()) {
    const other = readMarker(marker);
    if (other === undefined || other.endpoints.sqs.endpoint === endpoints.sqs.endpoint)
      rmSync(marker, { force: true });
  }
}

/** Every stack that this user runs, wherever it was started. */
export function listRunningStacks(): readonly RunningStack[] {
  return listMarkers().flatMap((marker) => readMarker(marker) ?? []);
}

function listMarkers(): readonly string[] {
  try {
    const folder = markerFolder();
    const files = readdirSync(folder).filter((file) => /^[0-9a-f]{16}\.json$/.test(file));
    return files.map((file) => join(folder, file));
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
