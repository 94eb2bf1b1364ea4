import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { SecrecyWatch } from '../secrecy/watch.ts';
import { seeDataFolder, startWatchedStack } from '../secrecy/watched-stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `Endpoints` of the one stack that all end-to-end tests share, as JSON. */
    endpoints: string;
  }
}

/**
 * Starts the packaged functions once for the whole run, with random secrets. At its end, looks for these in every byte
 * that left the functions, and for calls of AWS that a role does not allow.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'e2e-'));
  const watch = new SecrecyWatch();
  const tellingLines: string[] = [];
  const onLog = (line: string) => {
    if (tellsOfRecord(line)) tellingLines.push(line);
  };
  const stack = await startWatchedStack({ dataFolder, onLog }, watch);
  project.provide('endpoints', JSON.stringify(stack.endpoints));
  return async () => {
    await stack.close();
    await seeDataFolder(watch, dataFolder);
    await rm(dataFolder, { recursive: true });
    const leaks = [...watch.leaks(), ...tellingLines.map((line) => `a record in the log: ${line}`)];
    for (const { functionName, action, resource } of stack.access.refused)
      leaks.push(`a call that the role of ${functionName} does not allow: ${action} on ${resource}`);
    if (watch.size === 0) leaks.push('nothing was seen at all');
    if (leaks.length === 0) return;
    // The process may end before Vitest gets to an error thrown here.
    process.stderr.write(`What must not happen:\n${leaks.join('\n')}\n`);
    process.exitCode = 1;
  };
}

/** Records of these tests hold a word that begins with uniq (`uniqueWord`); so do some object keys, which may be logged. */
function tellsOfRecord(line: string): boolean {
  return /uniq[0-9a-f]{12}/.test(line.replaceAll(/(imports|results)\/[^"]*/g, ''));
}
