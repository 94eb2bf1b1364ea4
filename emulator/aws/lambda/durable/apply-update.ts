import { randomBytes } from 'node:crypto';
import type { Operation, OperationUpdate } from './wire.ts';

/** An update that does not fit the state of its operation; the execution cannot go on with it. */
export class InvalidUpdateError extends Error {
  override name = 'InvalidUpdateError' as const;
}

/**
 * What an operation is after an update.
 * @param before undefined for an operation that the update starts
 * @param now seconds since the epoch
 * @throws InvalidUpdateError for an update of something that has ended, or an action that its type does not know
 */
export function applyUpdate(before: Operation | undefined, update: OperationUpdate, now: number): Operation {
  if (before?.EndTimestamp !== undefined)
    throw new InvalidUpdateError(
      `Operation ${update.Id} has ended (${before.Status}) and takes no ${update.Action}`,
    );
  const operation = before ?? startedOperation(update, now);
  switch (update.Type) {
    case 'STEP':
      return applyToStep(operation, update, now);
    case 'CONTEXT':
      return applyToContext(operation, update, now);
    case 'WAIT':
      return applyToWait(operation, update, now);
    case 'CALLBACK':
      return applyToCallback(operation, update, now);
    case 'CHAINED_INVOKE':
      return applyToChainedInvoke(operation, update);
    case 'EXECUTION':
      throw new InvalidUpdateError('The execution itself is not updated as an operation');
  }
}

function startedOperation(update: OperationUpdate, now: number): Operation {
  const { Id, ParentId, Name, Type, SubType } = update;
  return {
    Id,
    Type,
    Status: 'STARTED',
    StartTimestamp: now,
    ...(ParentId !== undefined && { ParentId }),
    ...(Name !== undefined && { Name }),
    ...(SubType !== undefined && { SubType }),
  };
}

function applyToStep(operation: Operation, update: OperationUpdate, now: number): Operation {
  const attempt = operation.StepDetails?.Attempt ?? 0;
  switch (update.Action) {
    case 'START':
      return { ...operation, Status: 'STARTED', StepDetails: { Attempt: attempt } };
    case 'RETRY':
      return {
        ...operation,
        Status: 'PENDING',
        StepDetails: {
          Attempt: attempt + 1,
          NextAttemptTimestamp: now + (update.StepOptions?.NextAttemptDelaySeconds ?? 1),
          ...outcome(update),
        },
      };
    default:
      return { ...ended(operation, update, now), StepDetails: { Attempt: attempt + 1, ...outcome(update) } };
  }
}

function applyToContext(operation: Operation, update: OperationUpdate, now: number): Operation {
  if (update.Action === 'START') return operation;
  const replayChildren = update.ContextOptions?.ReplayChildren;
  return {
    ...ended(operation, update, now),
    ContextDetails: {
      ...(replayChildren !== undefined && { ReplayChildren: replayChildren }),
      ...outcome(update),
    },
  };
}

function applyToWait(operation: Operation, update: OperationUpdate, now: number): Operation {
  if (update.Action !== 'START') return ended(operation, update, now);
  return {
    ...operation,
    WaitDetails: { ScheduledEndTimestamp: now + (update.WaitOptions?.WaitSeconds ?? 0) },
  };
}

function applyToCallback(operation: Operation, update: OperationUpdate, now: number): Operation {
  if (update.Action !== 'START') return ended(operation, update, now);
  const { TimeoutSeconds: timeout, HeartbeatTimeoutSeconds: heartbeat } = update.CallbackOptions ?? {};
  return {
    ...operation,
    CallbackDetails: { CallbackId: callbackId() },
    Local: {
      ...(timeout && { timeoutTimestamp: now + timeout }),
      ...(heartbeat && { heartbeatSeconds: heartbeat, heartbeatTimestamp: now + heartbeat }),
    },
  };
}

/** Base64 with padding, as on AWS: a caller that puts it into a URL has to encode it. */
function callbackId(): string {
  return randomBytes(49).toString('base64');
}

function applyToChainedInvoke(operation: Operation, update: OperationUpdate): Operation {
  const functionName = update.ChainedInvokeOptions?.FunctionName;
  if (update.Action !== 'START' || functionName === undefined)
    throw new InvalidUpdateError(`A chained invoke is started with a function name; got ${update.Action}`);
  return {
    ...operation,
    ChainedInvokeDetails: {},
    Local: { functionName, ...(update.Payload !== undefined && { payload: update.Payload }) },
  };
}

const endStatuses = { SUCCEED: 'SUCCEEDED', FAIL: 'FAILED', CANCEL: 'CANCELLED' } as const;

function ended(operation: Operation, { Action, Type }: OperationUpdate, now: number): Operation {
  if (Action === 'START' || Action === 'RETRY')
    throw new InvalidUpdateError(`${Type} knows no ${Action} here`);
  return { ...operation, Status: endStatuses[Action], EndTimestamp: now };
}

function outcome(update: OperationUpdate) {
  return {
    ...(update.Payload !== undefined && { Result: update.Payload }),
    ...(update.Error && { Error: update.Error }),
  };
}
