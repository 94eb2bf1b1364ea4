import { defineFault } from '../fault.ts';

/** `{ latencyMs }`: the work takes this much longer, and holds its place in the semaphore meanwhile. */
export const latency = defineFault(
  'latency',
  (z) => z.strictObject({ latencyMs: z.number().nonnegative() }),
  (fault) => ({
    async before(scene) {
      await scene.wait(fault.latencyMs);
      return undefined;
    },
  }),
);
