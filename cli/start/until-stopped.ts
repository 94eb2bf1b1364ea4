import { setInterval as every } from 'node:timers/promises';

const LOOK_EVERY_MS = 500;

/**
 * Resolves at the first Ctrl-C or SIGTERM; a second one ends the process at once. Under npm, which does not hand a signal
 * on past its shell, it also resolves when that shell is gone.
 */
export async function untilStopped(): Promise<void> {
  const signalled = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const startedByNpm = process.env['npm_lifecycle_event'] !== undefined;
  await (startedByNpm ? Promise.race([signalled, parentGone()]) : signalled);
}

async function parentGone(): Promise<void> {
  const parent = process.ppid;
  for await (const _ of every(LOOK_EVERY_MS, undefined, { ref: false })) {
    if (process.ppid !== parent) return;
  }
}
