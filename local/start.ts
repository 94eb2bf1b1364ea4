import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startStack } from './stack.ts';
import { HELP, readArguments, type StartArguments } from './start/arguments.ts';
import { untilStopped } from './start/until-stopped.ts';
import { welcome } from './start/welcome.ts';

/** `npm start`: the whole bundle on this machine until Ctrl-C. */
async function run({ ports, dataFolder, json, logs, control }: StartArguments): Promise<void> {
  const startedMs = Date.now();
  const stopped = untilStopped();
  const folder =
    dataFolder === undefined ? await mkdtemp(join(tmpdir(), 'servicenow-functions-')) : resolve(dataFolder);
  if (!json) process.stdout.write('Packaging and starting …\n');
  const onLog = (line: string, key: string) => process.stderr.write(`${key}: ${line}\n`);
  const stack = await startStack({
    dataFolder: folder,
    ports,
    instance: { control },
    ...(logs && { onLog }),
  });
  const line = json
    ? `${JSON.stringify({ ready: true, ...stack.endpoints })}\n`
    : welcome(stack.endpoints, folder, Date.now() - startedMs);
  process.stdout.write(line);
  await stopped;
  await stack.close();
  if (dataFolder === undefined) await rm(folder, { recursive: true });
}

try {
  const parsed = readArguments(process.argv.slice(2));
  if (parsed === 'help') process.stdout.write(HELP);
  else await run(parsed);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
