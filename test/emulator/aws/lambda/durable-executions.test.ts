import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DurableExecutions } from '../../../../emulator/aws/lambda/durable/durable-executions.ts';
import { ExecutionStore } from '../../../../emulator/aws/lambda/durable/execution-store.ts';
import { awsDurableLimits } from '../../../../emulator/aws/lambda/durable/limits.ts';
import { checkpointSchema, type OperationUpdate } from '../../../../emulator/aws/lambda/durable/wire.ts';
import type { InvocationOutcome } from '../../../../emulator/aws/lambda/invocation.ts';
import type { Clock } from '../../../../lib/core/clock.ts';
import { jumpingClock, manualClock } from '../../../lib/core/manual-clock.ts';

/** One invocation of the function, held until the test lets it end. */
type Held = {
  readonly event: {
    CheckpointToken: string;
    InitialExecutionState: { Operations: { Id: string; Status: string }[] };
  };
  end(answer: unknown): void;
};

const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:test';
let durable: DurableExecutions;
let store: ExecutionStore;
let invocations: Held[];
let onInvocation: () => void;
let clock: Clock;

beforeEach(() => {
  store = new ExecutionStore(':memory:');
  invocations = [];
  onInvocation = () => {};
  create(jumpingClock());
});

function create(timing: Clock, maxOperations = 4): void {
  clock = timing;
  durable = new DurableExecutions({
    store,
    clock,
    limits: { ...awsDurableLimits, maxOperations, maxPayloadBytes: 100 },
    invokeOnce: (_, event) => hold(event),
    invokeToEnd: async () => ({ payload: Buffer.from('null') }),
    executionTimeoutMs: () => 3_600_000,
  });
}
afterEach(async () => {
  for (const { end } of invocations) end({ Status: 'FAILED' });
  await durable.close();
  store.close();
});

function hold(event: Buffer): Promise<InvocationOutcome> {
  return new Promise((resolve) => {
    const end = (answer: unknown) => resolve({ payload: Buffer.from(JSON.stringify(answer)) });
    invocations.push({ event: JSON.parse(event.toString()), end });
    onInvocation();
  });
}

async function nextInvocation(count: number): Promise<Held> {
  while (invocations.length < count)
    await new Promise<void>((resolve) => {
      onInvocation = resolve;
    });
  const held = invocations[count - 1];
  if (held === undefined) throw new Error('no invocation');
  return held;
}

async function start() {
  const { arn } = durable.start(functionArn, '1', 'name', '{}');
  return { arn, ...(await nextInvocation(1)) };
}

const step = (Id: string, more: Partial<OperationUpdate> = {}): OperationUpdate => ({
  Id,
  Type: 'STEP',
  Action: 'START',
  ...more,
});

describe('a checkpoint', () => {
  it('sent again because its answer was lost is answered as before and applied once', async () => {
    const { arn, event } = await start();
    const request = { CheckpointToken: event.CheckpointToken, ClientToken: 'once', Updates: [step('a')] };
    const first = durable.checkpoint(arn, request);
    expect(durable.checkpoint(arn, request)).toEqual(first);
    expect(store.operations(arn)).toHaveLength(2);
  });

  it('with the token of an earlier one is refused', async () => {
    const { arn, event } = await start();
    const { CheckpointToken } = event;
    durable.checkpoint(arn, { CheckpointToken, Updates: [step('a')] });
    expect(() => durable.checkpoint(arn, { CheckpointToken, Updates: [step('b')] })).toThrow(
      'Invalid Checkpoint Token',
    );
  });

  it('of an invocation that was followed by another one is refused', async () => {
    const { arn, event, end } = await start();
    const { CheckpointToken } = durable.checkpoint(arn, {
      CheckpointToken: event.CheckpointToken,
      Updates: [{ Id: 'w', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 60 } }],
    });
    end({ Status: 'PENDING' });
    await nextInvocation(2);
    expect(() => durable.checkpoint(arn, { CheckpointToken, Updates: [step('late')] })).toThrow(
      'Invalid Checkpoint Token',
    );
  });

  it.each([
    ['more operations than allowed', ['a', 'b', 'c', 'd'].map((id) => step(id)), 'more than 4 operations'],
    [
      'a payload that is too large',
      [step('a', { Action: 'SUCCEED', Payload: 'x'.repeat(101) })],
      '101 bytes',
    ],
    [
      'an update of what has ended',
      [step('a', { Action: 'SUCCEED' }), step('a', { Action: 'RETRY' })],
      'has ended (SUCCEEDED)',
    ],
  ])('with %s is refused as a whole', async (_, Updates, message) => {
    const { arn, event } = await start();
    expect(() => durable.checkpoint(arn, { CheckpointToken: event.CheckpointToken, Updates })).toThrow(
      message,
    );
    expect(store.operations(arn)).toHaveLength(1);
  });
});

describe('the operations of an execution', () => {
  const update = (Id: string, Action: OperationUpdate['Action'], SubType = 'Step'): OperationUpdate => ({
    Id,
    Type: 'STEP',
    SubType,
    Action,
  });
  const wait = (Id: string): OperationUpdate => ({
    Id,
    Type: 'WAIT',
    Action: 'START',
    WaitOptions: { WaitSeconds: 1 },
  });
  const context = (Id: string): OperationUpdate => ({ Id, Type: 'CONTEXT', Action: 'START' });
  const callback = (Id: string): OperationUpdate => ({ Id, Type: 'CALLBACK', Action: 'START' });

  // The execution itself is one, so that three are left here.
  it.each([
    ['a step with two retries', [update('a', 'START'), update('a', 'RETRY'), update('a', 'RETRY')]],
    [
      'a condition that holds at the second poll',
      [
        update('a', 'START', 'WaitForCondition'),
        update('a', 'RETRY', 'WaitForCondition'),
        update('a', 'SUCCEED', 'WaitForCondition'),
      ],
    ],
    ['a waitForCallback', [context('a'), callback('b'), update('c', 'START'), update('c', 'SUCCEED')]],
    ['three waits', [wait('a'), wait('b'), wait('c')]],
  ])('are counted as AWS counts them: %s is three', async (_, Updates) => {
    const { arn, event } = await start();
    const { CheckpointToken } = durable.checkpoint(arn, { CheckpointToken: event.CheckpointToken, Updates });
    expect(() => durable.checkpoint(arn, { CheckpointToken, Updates: [wait('one more')] })).toThrow(
      'more than 4 operations',
    );
  });

  it('store the payload of every attempt, not of the last one only', async () => {
    const { arn, event } = await start();
    const retry = { ...update('a', 'RETRY'), Payload: 'x'.repeat(100) };
    durable.checkpoint(arn, { CheckpointToken: event.CheckpointToken, Updates: [retry, retry] });
    expect(store.addUsage(arn, { operations: 0, bytes: 0 }).bytes).toBe(202);
  });

  it.each([
    ['a name with letters beyond ASCII', { ...step('a'), Name: 'größe' }],
    ['a name of 257 letters', { ...step('a'), Name: 'x'.repeat(257) }],
    ['an id with a slash', step('a/b')],
    ['a wait of no time', { ...wait('a'), WaitOptions: { WaitSeconds: 0 } }],
    ['a wait of more than a year', { ...wait('a'), WaitOptions: { WaitSeconds: 31_622_401 } }],
  ])('are refused with %s', (_, refused) => {
    expect(checkpointSchema.safeParse({ CheckpointToken: '', Updates: [refused] }).success).toBe(false);
  });
});

describe('an execution whose time is over', () => {
  it('takes no checkpoint of the function that still runs', async () => {
    const { arn, event, end } = await start();
    await clock.sleep(3_600_000);
    const { CheckpointToken } = event;
    expect(() => durable.checkpoint(arn, { CheckpointToken, Updates: [step('late')] })).toThrow(
      'Invalid Checkpoint Token',
    );
    end({ Status: 'SUCCEEDED' });
    expect((await durable.ended(arn)).status).toBe('TIMED_OUT');
  });
});

describe('a result', () => {
  it.each([
    ['fails an asynchronous execution when it is larger than a checkpoint', true, 'FAILED'],
    ['may be as large as an answer when a caller waits for it', false, 'SUCCEEDED'],
  ])('%s', async (_, asynchronous, status) => {
    const { arn } = durable.start(functionArn, '1', 'name', '{}', asynchronous);
    const { end } = await nextInvocation(1);
    end({ Status: 'SUCCEEDED', Result: 'x'.repeat(101) });
    expect((await durable.ended(arn)).status).toBe(status);
  });
});

describe('a callback', () => {
  async function startWaiting(options: OperationUpdate['CallbackOptions'] = {}) {
    const started = await start();
    const { arn, event, end } = started;
    const asked: OperationUpdate = { Id: 'c', Type: 'CALLBACK', Action: 'START', CallbackOptions: options };
    durable.checkpoint(arn, { CheckpointToken: event.CheckpointToken, Updates: [asked] });
    return { arn, end, callbackId: store.operation(arn, 'c')?.CallbackDetails?.CallbackId ?? '' };
  }
  const callbackOf = ({ event }: Held) => event.InitialExecutionState.Operations.find(({ Id }) => Id === 'c');

  it('that ends wakes its execution with the result', async () => {
    create(manualClock());
    const { end, callbackId } = await startWaiting();
    end({ Status: 'PENDING' });
    await new Promise(setImmediate);
    expect(durable.endCallback(callbackId, { result: '"go"' })).toBe(true);
    expect(callbackOf(await nextInvocation(2))).toMatchObject({
      Status: 'SUCCEEDED',
      CallbackDetails: { Result: '"go"' },
    });
  });

  it('that ended while no host was running wakes its execution at the next start', async () => {
    create(manualClock());
    const { arn, end, callbackId } = await startWaiting();
    end({ Status: 'PENDING' });
    await new Promise(setImmediate);
    durable.endCallback(callbackId, { result: '1' });
    expect(store.get(arn)?.suspended).toBe(0);
  });

  it('is distinguished when it has ended, timed out or never existed from one that is open', async () => {
    const { callbackId } = await startWaiting();
    durable.endCallback(callbackId, { error: { ErrorMessage: 'no' } });
    expect(() => durable.endCallback(callbackId, { result: '1' })).toThrow('has ended or timed out');
    expect(() => durable.heartbeat(callbackId)).toThrow('has ended or timed out');
    expect(durable.endCallback('bm9uZQ==', { result: '1' })).toBe(false);
    expect(durable.heartbeat('bm9uZQ==')).toBe(false);
  });

  it('takes no result that is larger than a checkpoint', async () => {
    const { callbackId } = await startWaiting();
    expect(() => durable.endCallback(callbackId, { result: 'x'.repeat(101) })).toThrow('101 bytes');
    expect(durable.endCallback(callbackId, { result: 'x'.repeat(100) })).toBe(true);
  });

  it.each([
    ['its time-out', { TimeoutSeconds: 10 }, 'Callback.Timeout'],
    ['a heartbeat that stays away', { HeartbeatTimeoutSeconds: 10 }, 'Callback.Heartbeat'],
    ['the earlier of both', { TimeoutSeconds: 5, HeartbeatTimeoutSeconds: 10 }, 'Callback.Timeout'],
  ])('is ended by %s', async (_, options, ErrorType) => {
    const { end } = await startWaiting(options);
    end({ Status: 'PENDING' });
    expect(callbackOf(await nextInvocation(2))).toMatchObject({
      Status: 'TIMED_OUT',
      CallbackDetails: { Error: { ErrorType } },
    });
  });

  it('lives on with every heartbeat, but not beyond its time-out', async () => {
    const { callbackId } = await startWaiting({ TimeoutSeconds: 25, HeartbeatTimeoutSeconds: 10 });
    for (let beat = 0; beat < 3; beat += 1) {
      await clock.sleep(8000);
      durable.heartbeat(callbackId);
    }
    await clock.sleep(1000);
    expect(() => durable.heartbeat(callbackId)).toThrow('has ended or timed out');
  });
});

describe('the log that the next invocation gets', () => {
  it('holds what is done, ended waits, and how often a step was tried', async () => {
    create(jumpingClock(), 5);
    const { arn, event, end } = await start();
    durable.checkpoint(arn, {
      CheckpointToken: event.CheckpointToken,
      Updates: [
        step('done', { Action: 'SUCCEED', Payload: '1' }),
        step('again', { Action: 'RETRY', StepOptions: { NextAttemptDelaySeconds: 5 } }),
        { Id: 'wait', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 1 } },
      ],
    });
    end({ Status: 'PENDING' });
    const second = await nextInvocation(2);
    const operations = second.event.InitialExecutionState.Operations;
    expect(operations.map(({ Id, Status }) => [Id, Status]).slice(1)).toEqual([
      ['done', 'SUCCEEDED'],
      ['again', 'PENDING'],
      ['wait', 'SUCCEEDED'],
    ]);
    second.end({ Status: 'PENDING' });
    const third = await nextInvocation(3);
    expect(third.event.InitialExecutionState.Operations[2]).toMatchObject({
      Id: 'again',
      Status: 'READY',
      StepDetails: { Attempt: 1 },
    });
  });

  it('is not asked for when an invocation waits for nothing: the execution fails', async () => {
    const { arn, end } = await start();
    end({ Status: 'PENDING' });
    const { status, error } = await durable.ended(arn);
    expect([status, error]).toEqual(['FAILED', expect.stringContaining('no pending operations')]);
  });
});
