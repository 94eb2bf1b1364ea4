import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

/** A busy machine is many times slower than a quiet one; a test that waits for something that never comes is ended nevertheless. */
const unitTimeoutMs = 180_000;
const stackTimeoutMs = 600_000;

/** Files share processes; the set-up file keeps them apart. */
const sharedProcess = { isolate: false, setupFiles: ['test/fresh-process.ts'] };

/** They need the packaged functions too. */
const packagedFunctions = {
  ...sharedProcess,
  setupFiles: [...sharedProcess.setupFiles, 'test/package/when-packaged.ts'],
};

export default defineConfig({
  test: {
    // The default leaves one of two cores idle. Tests of stacks wait for queues half of their time: twice as many workers use it.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{lib,functions,cli,deploy,emulator,docs}/**/*.test.ts'],
          ...sharedProcess,
          testTimeout: unitTimeoutMs,
          hookTimeout: unitTimeoutMs,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: 'test/e2e/global-setup.ts',
          ...packagedFunctions,
          testTimeout: stackTimeoutMs,
          hookTimeout: stackTimeoutMs,
        },
      },
      {
        test: {
          name: 'stack',
          include: ['test/{package,faults}/**/*.test.ts'],
          globalSetup: 'test/package/global-setup.ts',
          ...packagedFunctions,
          testTimeout: stackTimeoutMs,
          hookTimeout: stackTimeoutMs,
        },
      },
    ],
  },
});
