import {
  checkpointToken,
  InvalidParameterError,
  type OperationPage,
  operationPage,
  requireToken,
  storeUpdates,
} from './checkpoints.ts';
import { type DurableOptions, ExecutionRun, isStartedInvoke } from './execution-run.ts';
import type { Execution } from './execution-store.ts';
import { type CheckpointRequest, type ErrorObject, type Operation, toWire } from './wire.ts';

/** The same name was used before with another input. */
export class ExecutionAlreadyStartedError extends Error {
  override name = 'ExecutionAlreadyStartedError' as const;
}

/** A callback that has ended or timed out, or whose execution has ended. */
export class CallbackClosedError extends Error {
  override name = 'CallbackClosedError' as const;
}

/** What CheckpointDurableExecution answers. */
type CheckpointAnswer = { readonly CheckpointToken: string; readonly NewExecutionState: OperationPage };

/** An execution that this host runs, and what it last answered, for a checkpoint whose answer was lost. */
type Running = {
  readonly run: ExecutionRun;
  readonly ended: Promise<void>;
  lastCheckpoint?: { readonly clientToken: string; readonly answer: CheckpointAnswer };
};

/** Durable executions as Lambda runs them: started once by name, checkpointed, resumed after whatever stopped them. */
export class DurableExecutions {
  readonly #options: DurableOptions;
  readonly #running = new Map<string, Running>();
  readonly #closing = new AbortController();

  constructor(options: DurableOptions) {
    this.#options = options;
  }

  /** Goes on with every execution that was running when the process before this one ended. */
  resume(): void {
    for (const execution of this.#options.store.running()) this.#run(execution.arn);
  }

  /**
   * Starts an execution, or returns the one of that name.
   * @param functionArn without a qualifier
   * @param asynchronous whether no caller waits for the result, which may then be smaller
   * @throws ExecutionAlreadyStartedError when the name was used with another input
   */
  start(functionArn: string, version: string, name: string, input: string, asynchronous = false): Execution {
    const { store, clock } = this.#options;
    const before = store.byName(functionArn, name);
    if (before !== undefined && before.input !== input)
      throw new ExecutionAlreadyStartedError(`${name} was started before with another input`);
    if (before !== undefined) return before;
    const arn = `${functionArn}:${version}/durable-execution/${name}/${crypto.randomUUID()}`;
    const startedAtMs = clock.now();
    store.transaction(() => {
      store.insert({ arn, name, functionArn, input, startedAtMs, asynchronous: asynchronous ? 1 : 0 });
      store.put(arn, [executionOperation(arn, input, startedAtMs / 1000)]);
    });
    return this.#run(arn).execution;
  }

  /** Waits until an execution has ended, or this host closes. */
  async ended(arn: string): Promise<Execution> {
    await this.#running.get(arn)?.ended;
    return this.#require(arn);
  }

  /** @throws InvalidParameterError for a stale token, an update that does not fit, or a limit that is passed */
  checkpoint(arn: string, request: CheckpointRequest): CheckpointAnswer {
    const running = this.#running.get(arn);
    if (running === undefined) throw new InvalidParameterError('Invalid Checkpoint Token');
    const { ClientToken: clientToken } = request;
    if (clientToken !== undefined && running.lastCheckpoint?.clientToken === clientToken)
      return running.lastCheckpoint.answer;
    running.run.expireExecution();
    const answer = this.#applyCheckpoint(running.run, request);
    if (clientToken !== undefined) running.lastCheckpoint = { clientToken, answer };
    return answer;
  }

  /** @throws InvalidParameterError for a stale token */
  state(arn: string, token: string, marker: number, maxItems?: number): OperationPage {
    requireToken(this.#require(arn), token);
    return operationPage(this.#options.store.operations(arn), this.#options.limits, marker, maxItems);
  }

  /** Ends an execution; one that has ended stays as it is. @returns when, in milliseconds since the epoch */
  stop(arn: string, error: ErrorObject): number {
    this.#running.get(arn)?.run.end('STOPPED', { error });
    return this.#require(arn).endedAtMs ?? this.#options.clock.now();
  }

  /**
   * Ends the callback `callbackId`.
   * @returns false when there is no such callback
   * @throws CallbackClosedError when nothing waits for it any more
   * @throws InvalidParameterError when the result is too large
   */
  endCallback(callbackId: string, outcome: { result?: string; error?: ErrorObject }): boolean {
    const found = this.#openCallback(callbackId);
    if (!found) return false;
    const { result, error } = outcome;
    const { store, limits } = this.#options;
    const bytes = Buffer.byteLength(result ?? JSON.stringify(error ?? {}));
    if (bytes > limits.maxPayloadBytes)
      throw new InvalidParameterError(
        `The result has ${bytes} bytes; at most ${limits.maxPayloadBytes} are allowed`,
      );
    const CallbackDetails = {
      CallbackId: callbackId,
      ...(result !== undefined && { Result: result }),
      ...(error && { Error: error }),
    };
    store.addUsage(found.run.arn, { operations: 0, bytes });
    found.run.endFromOutside({ ...found.operation, CallbackDetails }, error === undefined);
    return true;
  }

  /**
   * Starts the heartbeat time-out of a callback again, if it has one.
   * @returns false when there is no such callback
   * @throws CallbackClosedError when nothing waits for it any more
   */
  heartbeat(callbackId: string): boolean {
    const found = this.#openCallback(callbackId);
    if (!found) return false;
    const { run, operation } = found;
    const { heartbeatSeconds } = operation.Local ?? {};
    if (heartbeatSeconds === undefined) return true;
    const heartbeatTimestamp = this.#options.clock.now() / 1000 + heartbeatSeconds;
    this.#options.store.put(run.arn, [{ ...operation, Local: { ...operation.Local, heartbeatTimestamp } }]);
    return true;
  }

  /** Stops waiting; executions that run go on when another host opens the same store. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const { run } of this.#running.values()) run.wake();
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  #openCallback(callbackId: string): { run: ExecutionRun; operation: Operation } | undefined {
    const { store, clock } = this.#options;
    const found = store.callback(callbackId);
    if (!found) return undefined;
    const run = this.#running.get(found.arn)?.run;
    run?.expireTimers(clock.now() / 1000);
    const operation = store.operation(found.arn, found.operation.Id);
    if (
      run?.execution.status !== 'RUNNING' ||
      operation === undefined ||
      operation.EndTimestamp !== undefined
    )
      throw new CallbackClosedError(`Callback ${callbackId} has ended or timed out`);
    return { run, operation };
  }

  #require(arn: string): Execution {
    const execution = this.#options.store.get(arn);
    if (execution === undefined) throw new InvalidParameterError(`There is no durable execution ${arn}`);
    return execution;
  }

  #applyCheckpoint(run: ExecutionRun, request: CheckpointRequest): CheckpointAnswer {
    const { store, limits, clock } = this.#options;
    const { execution } = run;
    requireToken(execution, request.CheckpointToken);
    const now = clock.now() / 1000;
    const updated = storeUpdates(store, limits, execution, request, now);
    for (const operation of updated) if (isStartedInvoke(operation)) run.invokeChained(operation);
    run.expireTimers(now);
    return {
      CheckpointToken: checkpointToken(execution, store.advance(run.arn)),
      NewExecutionState: { Operations: [...updated, ...run.takeChanged()].map(toWire) },
    };
  }

  #run(arn: string): ExecutionRun {
    const run = new ExecutionRun(arn, this.#options, this.#closing.signal);
    const ended = run
      .drive()
      .catch((error: unknown) => {
        // A fault of this host itself: the execution must not look as if it went on.
        run.end('FAILED', { error: { ErrorType: 'Host.Fault', ErrorMessage: String(error) } });
      })
      .finally(() => this.#running.delete(arn));
    this.#running.set(arn, { run, ended });
    return run;
  }
}

function executionOperation(arn: string, input: string, now: number): Operation {
  return {
    Id: arn.split('/').at(-1) ?? arn,
    Type: 'EXECUTION',
    Status: 'STARTED',
    StartTimestamp: now,
    ExecutionDetails: { InputPayload: input },
  };
}
