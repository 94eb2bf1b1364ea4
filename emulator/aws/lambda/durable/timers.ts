import type { Operation } from './wire.ts';

/**
 * Ends waits and callbacks whose time has come and makes steps ready whose next attempt is due.
 * @param now seconds since the epoch
 * @returns only the operations that changed
 */
export function expireTimers(operations: Iterable<Operation>, now: number): Operation[] {
  return [...operations].flatMap((operation) => {
    const due = dueAt(operation);
    return due === undefined || due > now ? [] : [expired(operation, now)];
  });
}

/** When the next timer of a suspended execution is due, in seconds since the epoch; undefined when there is none. */
export function nextTimer(operations: Iterable<Operation>): number | undefined {
  return earliest([...operations].map(dueAt));
}

/** True for an operation that something outside the function will end: another function or a callback. */
export function waitsForOthers({ Type, Status }: Operation): boolean {
  return Status === 'STARTED' && (Type === 'CHAINED_INVOKE' || Type === 'CALLBACK');
}

function dueAt({ Type, Status, WaitDetails, StepDetails, Local }: Operation): number | undefined {
  if (Type === 'WAIT' && Status === 'STARTED') return WaitDetails?.ScheduledEndTimestamp;
  if (Type === 'STEP' && Status === 'PENDING') return StepDetails?.NextAttemptTimestamp;
  if (Type === 'CALLBACK' && Status === 'STARTED')
    return earliest([Local?.timeoutTimestamp, Local?.heartbeatTimestamp]);
  return undefined;
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const given = times.filter((time) => time !== undefined);
  return given.length === 0 ? undefined : Math.min(...given);
}

function expired(operation: Operation, now: number): Operation {
  switch (operation.Type) {
    case 'STEP':
      return { ...operation, Status: 'READY' };
    case 'CALLBACK':
      return timedOut(operation, now);
    default:
      return { ...operation, Status: 'SUCCEEDED', EndTimestamp: now };
  }
}

function timedOut(operation: Operation, now: number): Operation {
  const { timeoutTimestamp = Infinity } = operation.Local ?? {};
  const kind = timeoutTimestamp <= now ? 'Callback.Timeout' : 'Callback.Heartbeat';
  const CallbackDetails = {
    CallbackId: operation.CallbackDetails?.CallbackId ?? '',
    Error: { ErrorType: kind, ErrorMessage: `Callback timed out: ${kind}` },
  };
  return { ...operation, Status: 'TIMED_OUT', EndTimestamp: now, CallbackDetails };
}
