import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startStack } from '../../local/stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `Endpoints` of the one stack that all end-to-end tests share, as JSON. */
    endpoints: string;
  }
}

/** Starts the packaged functions once for the whole run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'e2e-'));
  const stack = await startStack({ dataFolder });
  project.provide('endpoints', JSON.stringify(stack.endpoints));
  return async () => {
    await stack.close();
    await rm(dataFolder, { recursive: true });
  };
}
