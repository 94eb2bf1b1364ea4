import { describe, expect, it } from 'vitest';
import { deadlineAt } from '../../../lib/core/clock.ts';

const clockAt = (ms: number) => ({ now: () => ms, sleep: async () => {} });

describe('a deadline', () => {
  it('says how much time is left, never less than nothing', () => {
    expect(deadlineAt(1_500, clockAt(1_000)).remainingMs()).toBe(500);
    expect(deadlineAt(500, clockAt(1_000)).remainingMs()).toBe(0);
  });

  it('leaves whole milliseconds, as timers refuse fractions', () => {
    const deadline = deadlineAt(7_975.75, clockAt(1_000));
    expect(deadline.remainingMs()).toBe(6_975);
    expect(() => AbortSignal.timeout(deadline.within(1_234.5).remainingMs())).not.toThrow();
  });

  it('counts as passed when less is left than is needed', () => {
    const deadline = deadlineAt(1_500, clockAt(1_000));
    expect(deadline.passed(500)).toBe(false);
    expect(deadline.passed(501)).toBe(true);
  });

  it('can be brought forward but never moved back', () => {
    const deadline = deadlineAt(1_500, clockAt(1_000));
    expect(deadline.within(100).atMs).toBe(1_100);
    expect(deadline.within(10_000).atMs).toBe(1_500);
  });
});
