import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FaultRequest } from '../../../../emulator/instance/control/fault-plan.ts';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';
import { create } from '../records.ts';

let instance: Instance;

beforeEach(async () => {
  instance = await startInstance({ demoData: false, control: true });
  instance.control.clock.freeze();
});
afterEach(() => instance.close());

const strike = (fault: FaultRequest) => call(instance, 'POST', '/__emulator/faults', { json: fault, as: '' });
const send = (method: string, path: string, json?: unknown) => call(instance, method, path, { json });
const held = (table: string) => instance.state.store.select(table);
const advance = (ms: number) => instance.control.clock.advance(ms);

/** The ledger knows the request once its transaction has ended. */
async function untilDone(sequence: number): Promise<void> {
  while (instance.control.ledger.select({ since: sequence - 1 })[0]?.durationMs === 0)
    await new Promise(setImmediate);
}

/** Sends a request whose connection is cut, then lets so much time pass. */
async function goneAfter(run: () => Promise<unknown>, ms: number): Promise<void> {
  await expect(run()).rejects.toThrow();
  const sequence = instance.control.ledger.total;
  await advance(ms);
  await untilDone(sequence);
}

describe('a transaction whose caller has gone', () => {
  it('commits a POST later, and the caller sees no more than a broken connection', async () => {
    await strike({ action: 'late-commit', delayMs: 2_000 });
    await expect(send('POST', '/api/now/table/incident', { correlation_id: 'late' })).rejects.toThrow();
    await advance(1_999);
    expect(held('incident')).toHaveLength(0);
    const sequence = instance.control.ledger.total;
    await advance(1);
    await untilDone(sequence);
    expect(held('incident')).toMatchObject([{ correlation_id: 'late' }]);
    expect(instance.control.ledger.select({ fault: 'late-commit' })).toMatchObject([
      { status: 0, effects: [{ table: 'incident', operation: 'insert', count: 1 }] },
    ]);
  });

  it('overwrites what a later PATCH wrote in between', async () => {
    const { sys_id } = await create(instance, 'incident', { short_description: 'v0' });
    const patch = (text: string) =>
      send('PATCH', `/api/now/table/incident/${sys_id}`, { short_description: text });
    await strike({ action: 'late-commit', delayMs: 500 });
    await expect(patch('v1')).rejects.toThrow();
    const sequence = instance.control.ledger.total;
    await patch('v2');
    expect(held('incident')).toMatchObject([{ short_description: 'v2' }]);
    await advance(500);
    await untilDone(sequence);
    expect(held('incident')).toMatchObject([{ short_description: 'v1' }]);
  });

  it('commits a DELETE and an insertMultiple later', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    await strike({ action: 'late-commit', count: 2 });
    await goneAfter(() => send('DELETE', `/api/now/table/incident/${sys_id}`), 200);
    expect(held('incident')).toHaveLength(0);
    const records = [{ Name: 'a' }, { Name: 'b' }];
    await goneAfter(() => send('POST', '/api/now/import/imp_computer/insertMultiple', { records }), 200);
    expect(held('imp_computer')).toHaveLength(2);
  });

  it('may be one item of a batch: the connection breaks, and the items behind it run after it', async () => {
    await strike({
      action: 'late-commit',
      match: { batchItem: true, path: '/api/now/table/problem' },
      delayMs: 700,
    });
    const item = (table: string) => ({
      id: table,
      method: 'POST',
      url: `/api/now/table/${table}`,
      headers: [{ name: 'Content-Type', value: 'application/json' }],
      body: Buffer.from('{}').toString('base64'),
    });
    const rest_requests = [item('incident'), item('problem'), item('change_request')];
    await expect(send('POST', '/api/now/v1/batch', { rest_requests })).rejects.toThrow();
    const sequence = instance.control.ledger.total;
    const counts = () => ['incident', 'problem', 'change_request'].map((table) => held(table).length);
    expect(counts()).toEqual([1, 0, 0]);
    await advance(700);
    await untilDone(sequence);
    expect(counts()).toEqual([1, 1, 1]);
  });

  it('can leave its caller to time out', async () => {
    await strike({ action: 'late-commit', cut: false, delayMs: 4_000 });
    const giveUp = new AbortController();
    const lost = fetch(`${instance.url}/api/now/table/incident`, {
      method: 'POST',
      signal: giveUp.signal,
      headers: { Authorization: `Basic ${btoa(`${instance.username}:${instance.password}`)}` },
    });
    while (instance.control.clock.pendingJobs === 0) await new Promise(setImmediate);
    giveUp.abort();
    await expect(lost).rejects.toThrow();
    const sequence = instance.control.ledger.total;
    await advance(4_000);
    await untilDone(sequence);
    expect(held('incident')).toHaveLength(1);
  });

  it('takes a time between two bounds that the seed decides', async () => {
    const commitTimes = async () => {
      instance.control.reset();
      instance.control.clock.freeze();
      await strike({ action: 'late-commit', delayMs: 200, maxDelayMs: 4_000, count: 3, seed: 5 });
      const times: number[] = [];
      for (let at = 0; at < 3; at++) {
        await expect(send('POST', '/api/now/table/incident', {})).rejects.toThrow();
        let waitedMs = 0;
        while (held('incident').length <= at) {
          await advance(100);
          await new Promise(setImmediate);
          waitedMs += 100;
        }
        times.push(waitedMs);
      }
      return times;
    };
    const times = await commitTimes();
    expect(new Set(times).size).toBeGreaterThan(1);
    expect(times.every((ms) => ms >= 200 && ms <= 4_100)).toBe(true);
    expect(await commitTimes()).toEqual(times);
  });

  it('is cancelled by its quota, and then commits nothing', async () => {
    await send('GET', '/api/now/table/incident');
    instance.control.change({ transactionQuotaMs: 1_000 });
    await strike({ action: 'late-commit', delayMs: 5_000 });
    await goneAfter(() => send('POST', '/api/now/table/incident', {}), 5_000);
    expect(held('incident')).toHaveLength(0);
    await strike({ action: 'latency', latencyMs: 5_000 });
    const answer = send('POST', '/api/now/table/incident', {});
    while (instance.control.clock.pendingJobs === 0) await new Promise(setImmediate);
    await advance(1_000);
    expect(await answer).toMatchObject({
      status: 500,
      json: { error: { message: 'Transaction cancelled: maximum execution time exceeded' } },
    });
  });

  it('does not outlive a reset', async () => {
    await strike({ action: 'late-commit' });
    await expect(send('POST', '/api/now/table/incident', {})).rejects.toThrow();
    instance.control.reset();
    instance.control.clock.freeze();
    await advance(1_000);
    await new Promise(setImmediate);
    expect(held('incident')).toHaveLength(0);
  });
});
