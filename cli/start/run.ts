import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { PortUnavailableError } from '../../emulator/aws/loopback-server.ts';
import { claimFolder, FolderUnavailableError } from '../../emulator/stack/claim-folder.ts';
import { parseConnectionSecret } from '../../lib/servicenow/secret.ts';
import { watchStack } from '../feed/watch-stack.ts';
import { startLocalStack } from '../local-stack.ts';
import { startPage } from '../page/server.ts';
import { readText } from '../read-text.ts';
import { announceStack } from '../running-stack.ts';
import { onStop } from '../stop-signals.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { eventLine } from './event-line.ts';
import { defaultPorts, lastPortBase, type PortOptions, portOption, portsOf } from './ports.ts';
import { welcome } from './welcome.ts';

/** What the command line says. */
type StartOptions = PortOptions & {
  readonly dataDir?: string | undefined;
  readonly tables?: string | undefined;
  readonly secret?: string | undefined;
  readonly allowedHosts?: string | undefined;
  readonly schema?: string | undefined;
  readonly data?: string | undefined;
  readonly quiet?: boolean | undefined;
  readonly logs?: boolean | undefined;
  readonly control?: boolean | undefined;
};

/** A run that was stopped just before this one started needs a moment to release its folder. */
const RELEASE_MS = 5_000;

/** `npm start`: the whole bundle on this machine until Ctrl-C, which also ends a start that is under way. */
async function run(options: StartOptions, dataFolder: string): Promise<void> {
  const { json = false, logs = false, quiet = json, control = false, tables, schema, data } = options;
  const startedMs = Date.now();
  const controlToken = randomUUID();
  const stop = new AbortController();
  const stopped = untilStopped().then(() => {
    // The terminal has shown ^C.
    if (process.stdout.isTTY) process.stdout.write('\n');
    stop.abort();
  });
  if (!json) process.stdout.write('Packaging and starting …\n');
  const secret = options.secret === undefined ? undefined : await readSecret(options.secret);
  claimFolder(dataFolder, RELEASE_MS).release();
  const watch = watchStack((line, key) => {
    if (logs) process.stderr.write(`${key}: ${line}\n`);
  });
  const { page: pagePort, ...ports } = portsOf(options);
  const stack = await startLocalStack({
    dataFolder,
    ports,
    instance: {
      control: control || { token: controlToken },
      ...(schema !== undefined && { schemaFile: schema }),
      ...(data !== undefined && { dataFile: data }),
    },
    signal: stop.signal,
    ...(secret !== undefined && { secret }),
    ...watch.options,
    environment: {
      ...watch.options.environment,
      ...(tables !== undefined && { ALLOWED_TABLES: tables }),
      ...(options.allowedHosts !== undefined && { ALLOWED_HOSTS: `127.0.0.1,${options.allowedHosts}` }),
    },
  }).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  if (!stack) return;
  const ownInstance = stack.secretOwner === 'person';
  if (!ownInstance) watch.connect(stack);
  await using opened = new AsyncDisposableStack();
  opened.defer(() => stack.close());
  const page = opened.adopt(await startPage(stack, watch.feed, pagePort), (one) => one.close());
  const { endpoints } = stack;
  const announced = announceStack({
    pid: process.pid,
    project: process.cwd(),
    dataFolder,
    controlToken,
    ownInstance,
    endpoints,
  });
  const addresses = { page: page.url, openapi: `${page.url}/openapi` };
  const line = json
    ? `${JSON.stringify({ ready: true, ...endpoints, ...(ownInstance && { instance: undefined, ownInstance }), ...addresses })}\n`
    : welcome(stack, page.url, dataFolder, Date.now() - startedMs);
  process.stdout.write(line);
  if (!quiet) watch.feed.subscribe((event) => process.stdout.write(`${eventLine(event)}\n`));
  await stopped;
  announced.withdraw();
}

/** The text of a person's secret. @throws ConfigurationError naming what is wrong with it */
async function readSecret(file: string): Promise<string> {
  const text = await readText(file);
  try {
    parseConnectionSecret(text);
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  return text;
}

const DEFAULT_FOLDER = '.local/data';

/**
 * Runs the stack in the folder of the options, or in a fresh one that goes with the run.
 * @throws Error naming the option that moves what is unavailable
 */
export async function start(options: StartOptions): Promise<void> {
  await runInFolder(options).catch((error: unknown) => {
    throw withOption(error, options);
  });
}

async function runInFolder(options: StartOptions): Promise<void> {
  const folder = options.dataDir ?? (options.json ? undefined : DEFAULT_FOLDER);
  if (folder !== undefined) return run(options, resolve(folder));
  using temporary = temporaryFolder();
  await run(options, temporary.path);
}

/** Resolves at the first Ctrl-C or SIGTERM, and when the terminal goes; a second one ends the process at once. */
function untilStopped(): Promise<void> {
  return new Promise((done) => {
    onStop(() => done());
  });
}

/** The error with the option that avoids it. */
function withOption(error: unknown, { portBase = defaultPorts.port }: StartOptions): unknown {
  if (error instanceof PortUnavailableError)
    return new Error(
      `${portOption(error.service)}: ${error.message}, or move all of them with --port-base ${portBase + 100 > lastPortBase ? defaultPorts.port : portBase + 100}`,
      { cause: error },
    );
  if (error instanceof FolderUnavailableError)
    return new Error(`--data-dir: ${error.message}`, { cause: error });
  return error;
}
