import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DurableExecutions } from '../../../../emulator/aws/lambda/durable/durable-executions.ts';
import { ExecutionStore } from '../../../../emulator/aws/lambda/durable/execution-store.ts';
import { awsDurableLimits } from '../../../../emulator/aws/lambda/durable/limits.ts';
import type { OperationUpdate } from '../../../../emulator/aws/lambda/durable/wire.ts';
import type { InvocationOutcome } from '../../../../emulator/aws/lambda/invocation.ts';
import { jumpingClock } from '../../../lib/core/manual-clock.ts';

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

beforeEach(() => {
  store = new ExecutionStore(':memory:');
  invocations = [];
  onInvocation = () => {};
  durable = new DurableExecutions({
    store,
    clock: jumpingClock(),
    limits: { ...awsDurableLimits, maxOperations: 4, maxPayloadBytes: 100 },
    invokeOnce: (_, event) => hold(event),
    invokeToEnd: async () => ({ payload: Buffer.from('null') }),
    executionTimeoutMs: () => 3_600_000,
  });
});
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

describe('the log that the next invocation gets', () => {
  it('holds what is done, ended waits, and how often a step was tried', async () => {
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
