import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { claimFolder } from '../emulator/stack/claim-folder.ts';
import { startStack } from '../emulator/stack/stack.ts';
import { HELP, readArguments, type StartArguments } from './start/arguments.ts';
import { untilStopped } from './start/until-stopped.ts';
import { welcome } from './start/welcome.ts';

/** A run that was told to stop when this one was started needs a moment until it lets go of folder and ports. */
const PATIENCE_MS = 5_000;

/** `npm start`: the whole bundle on this machine until Ctrl-C, which also ends a start that is under way. */
async function run({
  ports,
  dataFolder,
  json,
  logs,
  control,
}: StartArguments & { readonly dataFolder: string }): Promise<void> {
  const startedMs = Date.now();
  const stop = new AbortController();
  const stopped = untilStopped().then(() => stop.abort());
  if (!json) process.stdout.write('Packaging and starting …\n');
  claimFolder(dataFolder, PATIENCE_MS).release();
  const onLog = (line: string, key: string) => process.stderr.write(`${key}: ${line}\n`);
  const stack = await startStack({
    dataFolder,
    ports,
    instance: { control },
    signal: stop.signal,
    ...(logs && { onLog }),
  }).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  if (!stack) return;
  const line = json
    ? `${JSON.stringify({ ready: true, ...stack.endpoints })}\n`
    : welcome(stack.endpoints, dataFolder, Date.now() - startedMs);
  process.stdout.write(line);
  await stopped;
  await stack.close();
}

/** Runs in the folder of the arguments, or in a fresh one that goes with the run. */
async function runInFolder(args: StartArguments): Promise<void> {
  if (args.dataFolder !== undefined) return run({ ...args, dataFolder: resolve(args.dataFolder) });
  const dataFolder = await mkdtemp(join(tmpdir(), 'servicenow-functions-'));
  try {
    await run({ ...args, dataFolder });
  } finally {
    await rm(dataFolder, { recursive: true });
  }
}

try {
  const parsed = readArguments(process.argv.slice(2));
  if (parsed === 'help') process.stdout.write(HELP);
  else await runInFolder(parsed);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
