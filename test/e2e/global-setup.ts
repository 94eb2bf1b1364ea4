import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { SecrecyWatch } from '../secrecy/watch.ts';
import { seeDataFolder, startWatchedStack } from '../secrecy/watched-stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The file that gets the `Endpoints` of the one stack that all end-to-end tests share, as JSON, or why there is none. */
    endpointsFile: string;
  }
}

/**
 * Starts the packaged functions once for the whole run, with random secrets; other tests run meanwhile. At its end, looks for these in
 * every byte that left the functions, and for calls of AWS that a role does not allow.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'e2e-'));
  const endpointsFile = join(folder, 'endpoints.json');
  project.provide('endpointsFile', endpointsFile);
  const ended = new AbortController();
  const starting = start(join(folder, 'data'), ended.signal);
  const announced = starting
    .then(({ stack }) => ({ endpoints: stack.endpoints }))
    .catch((error: unknown) => ({ failure: String(error) }))
    .then((outcome) => writeWhole(endpointsFile, JSON.stringify(outcome)));
  return async () => {
    ended.abort();
    await announced;
    const running = await starting.catch(() => undefined);
    const wrong = running ? await running.stop() : [];
    await rm(folder, { recursive: true });
    if (wrong.length === 0) return;
    // The process may end before Vitest gets to an error thrown here.
    process.stderr.write(`What must not happen:\n${wrong.join('\n')}\n`);
    process.exitCode = 1;
  };
}

/** A reader finds the whole file or none. */
async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

/** @returns the stack, and how it is stopped, which says what must not have happened */
async function start(dataFolder: string, signal: AbortSignal) {
  const watch = new SecrecyWatch();
  const tellingLines: string[] = [];
  const onLog = (line: string) => {
    if (tellsOfRecord(line)) tellingLines.push(line);
  };
  const environment = { ALLOWED_TABLES: `${await defaultTables()},sn_si_incident` };
  const stack = await startWatchedStack({ dataFolder, environment, onLog, signal }, watch);
  const stop = async (): Promise<string[]> => {
    await stack.close();
    await seeDataFolder(watch, dataFolder);
    const leaks = [...watch.leaks(), ...tellingLines.map((line) => `a record in the log: ${line}`)];
    for (const { functionName, action, resource } of stack.access.refused)
      leaks.push(`a call that the role of ${functionName} does not allow: ${action} on ${resource}`);
    if (watch.size === 0) leaks.push('nothing was seen at all');
    return leaks;
  };
  return { stack, stop };
}

/** The tables that a deployment serves unless it says otherwise. */
async function defaultTables(): Promise<string> {
  const found = /^ {4}allowedTables: (.+)$/m.exec(await readFile('serverless.yml', 'utf8'));
  if (!found) throw new Error('serverless.yml has no default of allowedTables');
  return found[1] ?? '';
}

/** Records of these tests hold a word that begins with uniq (`uniqueWord`); so do some object keys, which may be logged. */
function tellsOfRecord(line: string): boolean {
  return /uniq[0-9a-f]{12}/.test(line.replaceAll(/(imports|results)\/[^"]*/g, ''));
}
