import { describe, expect, it } from 'vitest';
import { InstanceClock } from '../../../../emulator/instance/time/instance-clock.ts';

describe('InstanceClock', () => {
  it('runs what falls due on the way, in the order of time, before advance resolves', async () => {
    const clock = new InstanceClock(() => 1_000);
    const ran: string[] = [];
    clock.at(3_000, () => void ran.push('later'));
    clock.at(2_000, async () => {
      await Promise.resolve();
      ran.push('sooner');
      clock.at(2_500, () => void ran.push('added'));
    });
    clock.at(9_000, () => void ran.push('not yet'));
    await clock.advance(4_000);
    expect(ran).toEqual(['sooner', 'added', 'later']);
    expect([clock.now(), clock.pendingJobs]).toEqual([5_000, 1]);
    clock.close();
  });

  it('runs housekeeping like any other job, but does not count it among those that a caller may wait for', async () => {
    const clock = new InstanceClock(() => 1_000);
    let cleaned = false;
    clock.housekeep(2_000, () => {
      cleaned = true;
    });
    expect(clock.pendingJobs).toBe(0);
    await clock.advance(1_000);
    expect(cleaned).toBe(true);
    clock.close();
  });

  it('stands still while frozen and runs on from there', () => {
    let machineMs = 100;
    const clock = new InstanceClock(() => machineMs);
    clock.freeze();
    machineMs = 200;
    expect(clock.now()).toBe(100);
    clock.unfreeze();
    machineMs = 250;
    expect(clock.now()).toBe(150);
  });

  it('runs a job by itself when its time comes', async () => {
    const clock = new InstanceClock();
    await new Promise<void>((done) => {
      clock.at(clock.now() + 1, done);
    });
    expect(clock.pendingJobs).toBe(0);
  });
});
