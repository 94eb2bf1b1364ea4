import { describe, expect, it } from 'vitest';
import { deadlineAt } from '../../../lib/core/clock.ts';
import { singleFlight, waitFor } from '../../../lib/core/shared-work.ts';
import { manualClock } from './manual-clock.ts';

describe('shared work', () => {
  it('runs once for all that ask while it runs, and again for those that ask later', async () => {
    let runs = 0;
    const gate = Promise.withResolvers<void>();
    const work = singleFlight(async () => {
      runs += 1;
      await gate.promise;
      return runs;
    });
    const both = Promise.all([work(), work()]);
    gate.resolve();
    expect(await both).toEqual([1, 1]);
    expect(await work()).toBe(2);
  });

  it('that failed is not kept', async () => {
    let runs = 0;
    const work = singleFlight(async () => {
      runs += 1;
      if (runs === 1) throw new Error('first');
      return runs;
    });
    await expect(Promise.all([work(), work()])).rejects.toThrow('first');
    expect(await work()).toBe(2);
  });
});

describe('waiting for shared work', () => {
  const limits = (clock: ReturnType<typeof manualClock>, signal?: AbortSignal) => ({
    deadline: deadlineAt(clock.now() + 1_000, clock),
    signal,
  });

  it('gives its result or its error, and leaves no timer behind', async () => {
    const clock = manualClock();
    expect(await waitFor(Promise.resolve('done'), limits(clock), clock)).toBe('done');
    await expect(waitFor(Promise.reject(new Error('failed')), limits(clock), clock)).rejects.toThrow(
      'failed',
    );
    expect(clock.sleeping).toBe(0);
  });

  it('ends at the deadline of the one that waits, not before', async () => {
    const clock = manualClock();
    let ended = false;
    const waiting = waitFor(new Promise(() => undefined), limits(clock), clock).finally(() => {
      ended = true;
    });
    const refused = expect(waiting).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await clock.advance(999);
    expect(ended).toBe(false);
    await clock.advance(1);
    await refused;
  });

  it('ends with the reason of the signal', async () => {
    const clock = manualClock();
    const stop = new AbortController();
    const waiting = waitFor(new Promise(() => undefined), limits(clock, stop.signal), clock);
    stop.abort(new Error('no longer wanted'));
    await expect(waiting).rejects.toThrow('no longer wanted');
  });
});
