import { describe, expect, it } from 'vitest';
import { deadlineAt } from '../../../lib/core/clock.ts';
import { createLimiter } from '../../../lib/core/limiter.ts';
import { manualClock } from './manual-clock.ts';

function setUp(most = 4) {
  const clock = manualClock();
  const limits = (ms = 60_000) => ({ deadline: deadlineAt(clock.now() + ms, clock) });
  return { clock, limits, limiter: createLimiter(most, clock) };
}

const flushTicks = () => new Promise((resolve) => setImmediate(resolve));

describe('the limiter', () => {
  it('lets no more in than there are places, and the next one when a place is given back', async () => {
    const { limiter, limits } = setUp(2);
    const first = await limiter.acquire(limits());
    await limiter.acquire(limits());
    let entered = false;
    const third = limiter.acquire(limits()).then(() => {
      entered = true;
    });
    await flushTicks();
    expect(entered).toBe(false);
    first();
    await third;
  });

  it('counts a place that is given back twice only once', async () => {
    const { limiter, limits, clock } = setUp(1);
    const release = await limiter.acquire(limits());
    release();
    release();
    await limiter.acquire(limits());
    const second = limiter.acquire(limits(10)).catch((error: unknown) => error);
    await clock.advance(10);
    expect(await second).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('halves its places on a signal to slow down, at most once a second, and never below one', async () => {
    const { limiter, clock } = setUp(4);
    limiter.narrow();
    await clock.advance(999);
    limiter.narrow();
    expect(limiter.places).toBe(2);
    await clock.advance(1);
    limiter.narrow();
    expect(limiter.places).toBe(1);
    await clock.advance(1_000);
    limiter.narrow();
    expect(limiter.places).toBe(1);
  });

  it('lets no call overtake one that waits, though a place became free', async () => {
    const { limiter, limits } = setUp(2);
    const first = await limiter.acquire(limits());
    limiter.narrow();
    const entered: string[] = [];
    void limiter.acquire(limits()).then(() => entered.push('earlier'));
    for (let round = 0; round < 4; round += 1) limiter.widen();
    expect(limiter.places).toBe(2);
    void limiter.acquire(limits()).then(() => entered.push('later'));
    await flushTicks();
    first();
    await flushTicks();
    expect(entered).toEqual(['earlier', 'later']);
  });

  it('wins one place back per round of good answers, up to where it began', () => {
    const { limiter } = setUp(4);
    limiter.narrow();
    limiter.widen();
    limiter.widen();
    expect(limiter.places).toBe(3);
    for (let round = 0; round < 20; round += 1) limiter.widen();
    expect(limiter.places).toBe(4);
  });

  it('begins without a pause, whatever the time', () => {
    expect(createLimiter(1, manualClock(0)).pausedForMs()).toBe(0);
  });

  it('makes everyone wait while it is paused', async () => {
    const { limiter, limits, clock } = setUp(4);
    limiter.pause(5_000);
    let entered = 0;
    for (let caller = 0; caller < 3; caller += 1)
      void limiter.acquire(limits()).then(() => {
        entered += 1;
      });
    await clock.advance(4_999);
    expect(entered).toBe(0);
    await clock.advance(1);
    expect(entered).toBe(3);
  });

  it('does not let anyone wait for a pause that outlasts its deadline', async () => {
    const { limiter, limits } = setUp();
    limiter.pause(5_000);
    await expect(limiter.acquire(limits(4_000))).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect(limiter.acquire(limits(4_000))).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('keeps the longer of two pauses, and no place for one who would not wait', async () => {
    const { limiter, limits, clock } = setUp(1);
    limiter.pause(5_000);
    limiter.pause(1_000);
    expect(limiter.pausedForMs()).toBe(5_000);
    await expect(limiter.acquire(limits(4_000))).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await clock.advance(5_000);
    const entered = await limiter.acquire(limits());
    entered();
  });

  it('admits no call that was given up already', async () => {
    const { limiter, limits } = setUp(1);
    const signal = AbortSignal.abort(new Error('no longer wanted'));
    await expect(limiter.acquire({ ...limits(), signal })).rejects.toThrow('no longer wanted');
    await limiter.acquire(limits());
  });

  it('drops a caller that gives up, and gives its place to the next', async () => {
    const { limiter, limits } = setUp(1);
    const release = await limiter.acquire(limits());
    const giveUp = new AbortController();
    const dropped = limiter.acquire({ ...limits(), signal: giveUp.signal });
    const next = limiter.acquire(limits());
    giveUp.abort(new Error('no longer wanted'));
    await expect(dropped).rejects.toThrow('no longer wanted');
    release();
    await next;
  });

  it('lets each waiting call give up at its own time, in whatever order they came', async () => {
    const { limiter, limits, clock } = setUp(1);
    await limiter.acquire(limits());
    const outcomes: string[] = [];
    for (const ms of [300, 100, 200])
      limiter.acquire(limits(ms)).catch(({ code }: { code: string }) => outcomes.push(`${ms} ${code}`));
    for (let step = 0; step < 3; step++) {
      await clock.advance(100);
      expect(outcomes).toHaveLength(step + 1);
    }
    expect(outcomes.map((outcome) => outcome.split(' ')[0])).toEqual(['100', '200', '300']);
    expect(outcomes.every((outcome) => outcome.endsWith('DEADLINE_EXCEEDED'))).toBe(true);
  });

  it('has one timer also after a call came that waits for less long than those before it', async () => {
    const { limiter, limits, clock } = setUp(1);
    await limiter.acquire(limits());
    for (const ms of [300, 100, 200]) limiter.acquire(limits(ms)).catch(() => undefined);
    await flushTicks();
    expect(clock.sleeping).toBe(1);
  });

  it('needs one timer for all waiting calls, and keeps none once there are none', async () => {
    const { limiter, limits, clock } = setUp(1);
    const release = await limiter.acquire(limits());
    const waiting = Array.from({ length: 50 }, async () => (await limiter.acquire(limits()))());
    await flushTicks();
    expect(clock.sleeping).toBe(1);
    release();
    await Promise.all(waiting);
    await flushTicks();
    expect(clock.sleeping).toBe(0);
    expect(clock.sleeps).toHaveLength(1);
  });
});
