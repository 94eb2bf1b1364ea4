import { afterEach, beforeEach } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Units that ran during the test. */
    hits?: readonly number[];
    /** Units that ran before it: while its file was loaded, or behind the test before. */
    hitsBefore?: readonly number[];
  }
}

// A setup file of the tests: notes for each test which units of the sources it ran.
const hits = new Set<number>();
Object.assign(globalThis, { hitUnit: (unit: number) => void hits.add(unit) });

beforeEach(({ task }) => {
  task.meta.hitsBefore = take();
});

afterEach(({ task }) => {
  task.meta.hits = take();
});

function take(): readonly number[] {
  const taken = [...hits];
  hits.clear();
  return taken;
}
