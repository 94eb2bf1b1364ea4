import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { breakages } from '../../../cli/break/faults.ts';
import { startInstance } from '../../../emulator/instance/index.ts';
import { announcedStack, runCommand } from '../run-command.ts';

async function world() {
  const token = crypto.randomUUID();
  const instance = await startInstance({ demoData: false, control: { token } });
  onTestFinished(() => instance.close());
  const { url, username, password } = instance;
  const options = announcedStack({ instance: { url, username, password } }, token);
  const headers = { authorization: `Basic ${btoa(`${username}:${password}`)}` };
  const ask = () => fetch(`${url}/api/now/table/incident?sysparm_limit=1`, { headers });
  return { instance, ask, options, run: (...args: string[]) => runCommand(['break', ...args], options) };
}

describe('servicenow-functions break', () => {
  it('breaks so many requests', async () => {
    const { ask, run } = await world();
    const { code, out } = await run('outage', '--count', '2');
    expect([code, out]).toEqual([0, expect.stringContaining('For 2 requests: every request gets a 503')]);
    expect((await run()).out).toMatch(/: met 0 requests, 2 to come\n$/);
    const statuses = [(await ask()).status, (await ask()).status, (await ask()).status];
    expect(statuses).toEqual([503, 503, 200]);
  });

  it('repairs the instance when its time is over', async () => {
    const { ask, run, instance } = await world();
    const add = vi.spyOn(instance.control.faults, 'add');
    const { out } = await run('slow', '--for', '1');
    expect(add.mock.calls).toEqual([
      [{ ...breakages['slow']?.faults[0], seconds: 1, probability: 1, seed: expect.any(Number) }],
    ]);
    expect(out).toMatch(/The instance works again\.\n$/);
    expect(instance.control.faults.list()).toEqual([]);
    expect((await ask()).status).toBe(200);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('repairs the instance at %s', async (signal) => {
    const { instance, options } = await world();
    const { code, out } = await runCommand(['break', 'slow', '--for', '100'], { ...options, signal });
    expect([code, out]).toEqual([0, expect.stringMatching(/The instance works again\.\n$/)]);
    expect(instance.control.faults.list()).toEqual([]);
  });

  it('leaves a break that ends by itself when it is killed', async () => {
    const { instance, options, run } = await world();
    await runCommand(['break', 'slow', '--for', '100'], { ...options, signal: 'SIGKILL' });
    const [left] = instance.control.faults.list();
    expect(left?.secondsLeft).toBeGreaterThan(0);
    expect(left?.secondsLeft).toBeLessThanOrEqual(100);
    expect((await run()).out).toMatch(/^latency: met \d+ requests, for \d+ s more\n$/);
  });

  it('prints JSON alone with --json, also where it ends what is broken', async () => {
    const { run } = await world();
    const printed = async (...words: string[]) => JSON.parse((await run(...words, '--json')).out);
    expect(await printed('slow', '--count', '1')).toMatchObject({
      ids: [expect.any(String)],
      faults: [{ count: 1 }],
    });
    expect(await printed()).toMatchObject({ faults: [{ left: 1 }] });
    expect(await printed('off')).toEqual({ faults: [] });
    expect(await printed()).toEqual({ faults: [] });
  });

  it.each([
    ['off', '--for', '5'],
    ['off', '--count', '5'],
    ['--percent', '5'],
    ['slow', '--for', '5', '--count', '5'],
  ])('refuses %s %s %s, of which a part would not count', async (...words) => {
    const { code, out, err } = await runCommand(['break', ...words]);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^--for.*\n\nUsage: /);
  });

  it('asks whether a similar way to break it was meant', async () => {
    const { code, err } = await runCommand(['break', 'outge']);
    expect([code, err]).toEqual([2, expect.stringContaining('(Did you mean outage?)')]);
  });

  it('leaves a person’s own instance alone', async () => {
    const stack = announcedStack({}, '', undefined, true);
    for (const words of [['outage'], ['off'], []]) {
      const { code, err } = await runCommand(['break', ...words], stack);
      expect([code, err]).toEqual([
        1,
        expect.stringMatching(/your own instance \(--secret\), which cannot be broken/),
      ]);
    }
  });

  it('lists what is broken until it is ended', async () => {
    const { run, instance } = await world();
    for (const fault of breakages['slow']?.faults ?? [])
      instance.control.faults.add({ ...fault, probability: 1, seed: 1 });
    expect((await run()).out).toMatch(/^latency: met \d+ requests, until it is ended\n$/);
  });

  it.each(Object.keys(breakages))('can break %s, and off repairs it', async (what) => {
    const { run, instance } = await world();
    expect((await run(what, '--count', '3', '--percent', '50')).code).toBe(0);
    expect(instance.control.faults.list()).toHaveLength(1);
    expect((await run('off')).out).toBe('The instance works again.\n');
    expect(instance.control.faults.list()).toEqual([]);
  });

  it('opens the control of the instance to no caller without the token', async () => {
    const { instance } = await world();
    for (const headers of [{}, { 'x-emulator-token': 'guess' }])
      expect((await fetch(`${instance.url}/__emulator/faults`, { headers })).status).toBe(404);
  });

  it.each([
    [['everything'], 'everything cannot be broken; there are 429, outage, '],
    [['constructor'], 'constructor cannot be broken'],
    [['outage', '--for', 'ever'], 'whole number from 1'],
    [['outage', '--for', '3', '--count', '3'], 'cannot be given together'],
  ])('refuses %j and exits with 2', async (args, message) => {
    const { code, err } = await runCommand(['break', ...args]);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  it('says how to start a stack when none runs', async () => {
    const { code, err } = await runCommand(['break', 'off'], {
      cwd: '/',
      env: { XDG_CACHE_HOME: '/nonexistent' },
    });
    expect([code, err]).toEqual([1, 'No local stack is running; start one with npm start\n']);
  });
});
