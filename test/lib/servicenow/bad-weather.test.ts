import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../../../emulator/instance/index.ts';
import { deadlineAt, systemClock } from '../../../lib/core/clock.ts';
import type { MetricName } from '../../../lib/core/metrics.ts';
import { createRecord } from '../../../lib/servicenow/records.ts';
import { ServiceNowError } from '../../../lib/servicenow/service-now-error.ts';
import { callContext, clientFor } from './testing.ts';

/** Change it to look for other orders of events; a failing run shows it in its name. */
const seed = 20_261_124;

const faults = [
  { action: 'reset-before-commit', probability: 0.04 },
  { action: 'reset-after-commit', probability: 0.04 },
  { action: 'server-error', probability: 0.04 },
  { action: 'error-after-commit', probability: 0.04 },
  { action: 'truncate', probability: 0.04 },
  { action: 'throttled', probability: 0.03 },
  { action: 'bad-gateway', probability: 0.02 },
  { action: 'unavailable', probability: 0.02 },
  { action: 'hibernate', probability: 0.02 },
  { action: 'expired-token', probability: 0.03 },
];

async function startInBadWeather() {
  const instance = await startInstance({ demoData: false });
  onTestFinished(() => instance.close());
  faults.forEach((fault, index) => {
    instance.state.control.faults.add({ ...fault, match: { path: '/api/now/*' }, seed: seed + index });
  });
  const counted = new Map<MetricName, number>();
  const metrics = {
    add: (name: MetricName, value = 1) => void counted.set(name, (counted.get(name) ?? 0) + value),
  };
  const auth = { type: 'oauth-client-credentials', ...instance.oauth } as const;
  const client = clientFor({ instanceUrl: instance.url, auth }, { maxAttempts: 12, metrics });
  const idsHeld = () => instance.state.store.select('incident', {}).map((row) => row['sys_id'] ?? '');
  return { client, counted, instance, idsHeld };
}

/** Faults are waited out; how fast this machine is today is no matter. */
const unhurried = () => callContext({ deadline: deadlineAt(Date.now() + 600_000, systemClock) });

const idOf = (index: number) => createHash('md5').update(`${seed}-${index}`).digest('hex');

describe(`in bad weather (seed ${seed})`, () => {
  it('writes each keyed record once, and reports it as created or as existing', async () => {
    const { client, counted, idsHeld } = await startInBadWeather();
    const create = (index: number) =>
      createRecord(
        client,
        { table: 'incident', record: { sys_id: idOf(index), short_description: `n ${index}` } },
        unhurried(),
      ).then(
        () => 'created',
        (error: unknown) => (error instanceof ServiceNowError ? error.code : String(error)),
      );
    const outcomes = await Promise.all(Array.from({ length: 300 }, (_, index) => create(index)));
    expect(new Set(outcomes)).toEqual(new Set(['created', 'INSERT_REFUSED']));
    expect(idsHeld().toSorted()).toEqual(Array.from({ length: 300 }, (_, index) => idOf(index)).toSorted());
    expect(counted.get('Retries')).toBeGreaterThan(50);
    expect(counted.get('TokenRefreshes')).toBeGreaterThan(1);
  });

  it('sends a record without a key once, and never says "not done" of one that is there', async () => {
    const { client, instance } = await startInBadWeather();
    const create = async (index: number) => {
      const name = `only once ${index}`;
      const outcome = await createRecord(
        client,
        { table: 'incident', record: { short_description: name } },
        unhurried(),
      ).then(
        () => 'done',
        (error: unknown) => (error instanceof ServiceNowError ? error.effect : String(error)),
      );
      return { name, outcome };
    };
    const results = await Promise.all(Array.from({ length: 300 }, (_, index) => create(index)));
    const held = instance.state.store.select('incident', {}).map((row) => row['short_description'] ?? '');
    expect(new Set(held).size).toBe(held.length);
    for (const { name, outcome } of results) {
      if (outcome === 'done') expect(held).toContain(name);
      if (outcome === 'none') expect(held).not.toContain(name);
    }
    const outcomes = new Set(results.map(({ outcome }) => outcome));
    expect(outcomes).toEqual(new Set(['done', 'none', 'unknown']));
  });
});
