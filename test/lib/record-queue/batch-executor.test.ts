import { describe, expect, it } from 'vitest';
import { deadlineAt } from '../../../lib/core/clock.ts';
import {
  BatchExecutor,
  type Call,
  groupIntoBatches,
  type Sender,
} from '../../../lib/record-queue/batch-executor.ts';
import { InstanceUnavailableError } from '../../../lib/servicenow/errors.ts';
import { createRequest, getRequest, updateRequest } from '../../../lib/servicenow/records.ts';
import { manualClock } from '../core/manual-clock.ts';

const read = (sysId: string): Call => ({ request: getRequest({ table: 'incident', sysId }) });
const reconcile = (sysId: string): Call => ({ ...read(sysId), isReconciling: true });
const update = (sysId: string, description = ''): Call => ({
  request: updateRequest({ table: 'incident', sysId, record: { description } }),
});
const create = (sysId: string): Call => ({
  request: createRequest({ table: 'incident', record: { sys_id: sysId } }),
});
const answered = { kind: 'answered', response: { status: 200, headers: {}, body: {}, attempts: 1 } } as const;

function group(calls: readonly Call[]): number[][] {
  return groupIntoBatches(calls.map((call) => ({ call }))).map((batch) =>
    batch.map(({ call }) => calls.indexOf(call)),
  );
}

describe('calls that are due together', () => {
  it('go separately when they are reconciling, as they may use time that others may not', () => {
    expect(group([read('a'), reconcile('b'), read('c'), reconcile('d')])).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });

  it('go separately when they must not be sent twice, as the whole request could not be', () => {
    expect(group([create('a'), update('b'), create('c'), update('d')])).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });

  it('go fifty in a request, and fewer where they are large', () => {
    expect(
      group(Array.from({ length: 120 }, (_, index) => read(`${index}`))).map((batch) => batch.length),
    ).toEqual([50, 50, 20]);
    const large = 'x'.repeat(1_000_000);
    expect(
      group(Array.from({ length: 5 }, (_, index) => update(`${index}`, large))).map((batch) => batch.length),
    ).toEqual([2, 2, 1]);
  });
});

/** An executor whose sender answers when the test says so. */
function executor(maxInFlight = 4) {
  const clock = manualClock();
  const sent: { calls: readonly Call[]; answer(result?: unknown): void }[] = [];
  const sender: Sender = {
    send: (calls) =>
      new Promise((resolve) => {
        const answer = (error?: unknown) =>
          resolve(calls.map(() => (error === undefined ? answered : { kind: 'failed', error })));
        sent.push({ calls, answer });
      }),
  };
  const workUntil = deadlineAt(clock.now() + 10_000, clock);
  const reconcileUntil = deadlineAt(clock.now() + 15_000, clock);
  const options = { sender, workUntil, reconcileUntil, correlationId: 'c', maxInFlight };
  return { executor: new BatchExecutor(options), sent, clock };
}

const idle = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('an executor', () => {
  it('lets calls go on while others are still in flight', async () => {
    const { executor: batches, sent } = executor();
    const slow = batches.send(update('slow'));
    await idle();
    const fast = batches.send(update('fast'));
    await idle();
    sent[1]?.answer();
    await fast;
    const next = batches.send(update('next'));
    await idle();
    sent[2]?.answer();
    await next;
    expect(sent.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    sent[0]?.answer();
    await slow;
  });

  it('collects what becomes due while it has its number of requests in flight', async () => {
    const { executor: batches, sent } = executor(1);
    const all = [batches.send(read('a'))];
    await idle();
    for (const sysId of ['b', 'c', 'd']) {
      all.push(batches.send(read(sysId)));
      await idle();
    }
    expect(sent).toHaveLength(1);
    sent[0]?.answer();
    await idle();
    expect(sent.map(({ calls }) => calls.length)).toEqual([1, 3]);
    sent[1]?.answer();
    await Promise.all(all);
  });

  it('sends nothing more after an outage, and says that nothing was sent', async () => {
    const { executor: batches, sent } = executor();
    const first = batches.send(update('a'));
    first.catch(() => undefined);
    await idle();
    sent[0]?.answer(new InstanceUnavailableError('down', { method: 'PATCH', path: '/', effect: 'unknown' }));
    await expect(first).rejects.toMatchObject({ effect: 'unknown' });
    await expect(batches.send(update('b'))).rejects.toMatchObject({
      effect: 'none',
      code: 'INSTANCE_UNAVAILABLE',
    });
    expect(sent).toHaveLength(1);
  });

  it('starts work only in its time, and reconciles a little longer', async () => {
    const { executor: batches, sent, clock } = executor();
    await clock.advance(9_900);
    await expect(batches.send(read('a'))).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const asked = batches.send(reconcile('a'));
    await idle();
    sent[0]?.answer();
    await asked;
    await clock.advance(5_000);
    await expect(batches.send(reconcile('a'))).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});
