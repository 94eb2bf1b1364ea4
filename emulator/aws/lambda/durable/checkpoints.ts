import { applyUpdate, InvalidUpdateError } from './apply-update.ts';
import type { Execution, ExecutionStore, Usage } from './execution-store.ts';
import type { DurableLimits } from './limits.ts';
import { type CheckpointRequest, type Operation, type OperationUpdate, toWire } from './wire.ts';

/** A checkpoint or a state call that the Lambda API answers with 400 `InvalidParameterValueException`. */
export class InvalidParameterError extends Error {
  override name = 'InvalidParameterError' as const;
}

/** A page of operations; `NextMarker` is there when more follow. */
export type OperationPage = { readonly Operations: unknown[]; readonly NextMarker?: string };

/** The token of the next checkpoint of an execution. */
export function checkpointToken({ arn }: Execution, sequence: number): string {
  return Buffer.from(`${arn.split('/').at(-1)} ${sequence}`).toString('base64url');
}

/** @throws InvalidParameterError for the token of an earlier checkpoint or of an invocation that was given up */
export function requireToken(execution: Execution, token: string): void {
  if (execution.status !== 'RUNNING' || token !== checkpointToken(execution, execution.sequence))
    throw new InvalidParameterError('Invalid Checkpoint Token');
}

/**
 * Applies the updates of one checkpoint.
 * @param now seconds since the epoch
 * @returns the operations that changed
 * @throws InvalidParameterError when an update does not fit or a limit is passed; then nothing is stored
 */
export function storeUpdates(
  store: ExecutionStore,
  limits: DurableLimits,
  { arn }: Execution,
  { Updates }: CheckpointRequest,
  now: number,
): Operation[] {
  return store.transaction(() => {
    const changed = new Map<string, Operation>();
    const usage = { operations: 0, bytes: 0 };
    for (const update of Updates) {
      requireSmallPayload(update, limits);
      usage.bytes += payloadBytes(update);
      if (update.Type === 'EXECUTION') {
        store.setResult(arn, update.Payload ?? '');
        continue;
      }
      const before = changed.get(update.Id) ?? store.operation(arn, update.Id);
      usage.operations += operationsOf(before, update);
      changed.set(update.Id, applied(before, update, now));
    }
    store.put(arn, changed.values());
    requireRoom(store.addUsage(arn, usage), limits);
    return [...changed.values()];
  });
}

/** The operations of an execution from `marker` on, as many as fit in a page. */
export function operationPage(
  operations: readonly Operation[],
  limits: DurableLimits,
  marker = 0,
  maxItems = limits.pageSize,
): OperationPage {
  const end = marker + pageLength(operations.slice(marker, marker + Math.min(maxItems, limits.pageSize)));
  const page = { Operations: operations.slice(marker, end).map(toWire) };
  return end < operations.length ? { ...page, NextMarker: String(end) } : page;
}

/** Pages go into an event of at most 6 MB; half of it is left to escaping and to the input. */
const maxPageBytes = 3 * 1024 * 1024;

function pageLength(operations: readonly Operation[]): number {
  let bytes = 0;
  const tooMany = operations.findIndex((operation) => {
    bytes += JSON.stringify(operation).length;
    return bytes > maxPageBytes;
  });
  return tooMany === -1 ? operations.length : Math.max(1, tooMany);
}

function applied(before: Operation | undefined, update: OperationUpdate, now: number): Operation {
  try {
    return applyUpdate(before, update, now);
  } catch (error) {
    if (error instanceof InvalidUpdateError) throw new InvalidParameterError(error.message, { cause: error });
    throw error;
  }
}

/**
 * How many operations AWS counts for an update: one for what it starts, one for every retry of a step, and one for every poll of a
 * `waitForCondition`, the last one too. A `waitForCallback` is a context, a callback and a step.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/durable-execution-sdk-retries.html
 */
function operationsOf(before: Operation | undefined, { Type, SubType, Action }: OperationUpdate): number {
  const started = before === undefined ? 1 : 0;
  if (Type !== 'STEP') return started;
  const isPoll = SubType === 'WaitForCondition' && Action !== 'START';
  return started + (Action === 'RETRY' || isPoll ? 1 : 0);
}

function payloadBytes({ Payload = '', Error: error }: OperationUpdate): number {
  return Buffer.byteLength(Payload) + (error ? Buffer.byteLength(JSON.stringify(error)) : 0);
}

function requireSmallPayload(update: OperationUpdate, limits: DurableLimits): void {
  const bytes = payloadBytes(update);
  if (update.Type !== 'EXECUTION' && bytes > limits.maxPayloadBytes)
    throw new InvalidParameterError(
      `The payload of operation ${update.Id} has ${bytes} bytes; at most ${limits.maxPayloadBytes} are allowed`,
    );
}

/** @throws InvalidParameterError when an execution has used up what AWS allows it */
function requireRoom({ operations, bytes }: Usage, limits: DurableLimits): void {
  if (operations > limits.maxOperations)
    throw new InvalidParameterError(`The execution has more than ${limits.maxOperations} operations`);
  if (bytes > limits.maxPersistedBytes)
    throw new InvalidParameterError(`The execution stores more than ${limits.maxPersistedBytes} bytes`);
}
