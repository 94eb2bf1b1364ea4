import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';

it('sleeps as long as a timer can where it is asked for longer, instead of not at all', async () => {
  const warnings: string[] = [];
  const note = ({ name }: Error) => void warnings.push(name);
  process.on('warning', note);
  onTestFinished(() => void process.off('warning', note));
  const stop = new AbortController();
  let isOver = false;
  const sleeping = systemClock.sleep(2 ** 40, stop.signal).finally(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect({ isOver, warnings }).toEqual({ isOver: false, warnings: [] });
  stop.abort(new Error('enough'));
  await expect(sleeping).rejects.toThrow('enough');
});

it('gives the reason of a signal that was aborted before', async () => {
  await expect(systemClock.sleep(0, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
});
