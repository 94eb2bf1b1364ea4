import type { Clock } from '../../../../lib/core/clock.ts';
import type { InvocationOutcome } from '../invocation.ts';
import {
  checkpointToken,
  InvalidParameterError,
  type OperationPage,
  operationPage,
  requireToken,
  storeUpdates,
} from './checkpoints.ts';
import type { Execution, ExecutionStore } from './execution-store.ts';
import type { DurableLimits } from './limits.ts';
import { expireTimers, nextTimer, waitsForOthers } from './timers.ts';
import {
  type CheckpointRequest,
  type ErrorObject,
  invocationResultSchema,
  type Operation,
  toWire,
} from './wire.ts';

/** The same name was used before with another input. */
export class ExecutionAlreadyStartedError extends Error {
  override name = 'ExecutionAlreadyStartedError' as const;
}

/** Who may be asked what, to run durable executions. */
export type DurableOptions = {
  readonly store: ExecutionStore;
  readonly clock: Clock;
  readonly limits: DurableLimits;
  /** Runs one invocation of a durable function in a real process. */
  readonly invokeOnce: (functionArn: string, event: Buffer) => Promise<InvocationOutcome>;
  /** Calls any function to its end, for a chained invoke; `name` makes the call of a durable one idempotent. */
  readonly invokeToEnd: (functionName: string, payload: string, name: string) => Promise<InvocationOutcome>;
  /** How long executions of this function may take, in milliseconds. */
  readonly executionTimeoutMs: (functionArn: string) => number;
};

/** What is in memory of an execution that runs; everything that must survive is in the store. */
type Run = {
  /** Set while nothing can be done; called when something outside the function has ended. */
  wake: () => void;
  readonly ended: Promise<void>;
  /** Operations that changed without the function knowing. */
  readonly changed: Map<string, Operation>;
  lastCheckpoint?: { clientToken: string; answer: CheckpointAnswer };
};

/** What CheckpointDurableExecution answers. */
export type CheckpointAnswer = {
  readonly CheckpointToken: string;
  readonly NewExecutionState: OperationPage;
};

/**
 * Runs durable executions as Lambda does: invokes the function, takes its checkpoints, waits for timers without a process, invokes
 * again with the log of what is done, and once more when a process died.
 */
export class DurableExecutions {
  readonly #options: DurableOptions;
  readonly #runs = new Map<string, Run>();
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
   * @throws ExecutionAlreadyStartedError when the name was used with another input
   */
  start(functionArn: string, version: string, name: string, input: string): Execution {
    const { store, clock } = this.#options;
    const before = store.byName(functionArn, name);
    if (before !== undefined && before.input !== input)
      throw new ExecutionAlreadyStartedError(`${name} was started before with another input`);
    if (before !== undefined) return before;
    const arn = `${functionArn}:${version}/durable-execution/${name}/${crypto.randomUUID()}`;
    const startedAtMs = clock.now();
    store.transaction(() => {
      store.insert({ arn, name, functionArn, input, startedAtMs });
      store.put(arn, [executionOperation(arn, input, startedAtMs / 1000)]);
    });
    this.#run(arn);
    return this.#get(arn);
  }

  /** Waits until an execution has ended, or this host closes. */
  async ended(arn: string): Promise<Execution> {
    await this.#runs.get(arn)?.ended;
    return this.#get(arn);
  }

  /** @throws InvalidParameterError for a stale token, an update that does not fit, or a limit that is passed */
  checkpoint(arn: string, request: CheckpointRequest): CheckpointAnswer {
    const { store, limits, clock } = this.#options;
    const run = this.#runs.get(arn);
    if (run === undefined) throw new InvalidParameterError('Invalid Checkpoint Token');
    if (request.ClientToken !== undefined && run.lastCheckpoint?.clientToken === request.ClientToken)
      return run.lastCheckpoint.answer;
    const execution = this.#get(arn);
    requireToken(execution, request.CheckpointToken);
    const now = clock.now() / 1000;
    const updated = storeUpdates(store, limits, execution, request, now);
    for (const operation of updated) if (isStartedInvoke(operation)) this.#invokeChained(arn, operation);
    this.#expireTimers(arn, run, now);
    const answer = {
      CheckpointToken: checkpointToken(execution, store.advance(arn)),
      NewExecutionState: { Operations: [...updated, ...takeAll(run.changed)].map(toWire) },
    };
    if (request.ClientToken !== undefined) run.lastCheckpoint = { clientToken: request.ClientToken, answer };
    return answer;
  }

  /** @throws InvalidParameterError for a stale token */
  state(arn: string, token: string, marker: number, maxItems?: number): OperationPage {
    requireToken(this.#get(arn), token);
    return operationPage(this.#options.store.operations(arn), this.#options.limits, marker, maxItems);
  }

  /** Ends an execution; what its function still does is not recorded any more. @returns when, in milliseconds */
  stop(arn: string, error: ErrorObject): number {
    const stoppedAtMs = this.#options.clock.now();
    this.#options.store.end(arn, 'STOPPED', stoppedAtMs, { error });
    this.#runs.get(arn)?.wake();
    return stoppedAtMs;
  }

  /** Ends the callback `callbackId`. @returns false when nobody waits for it */
  endCallback(callbackId: string, outcome: { result?: string; error?: ErrorObject }): boolean {
    const found = this.#options.store.callback(callbackId);
    if (found === undefined || found.operation.EndTimestamp !== undefined) return false;
    const { result, error } = outcome;
    const CallbackDetails = {
      CallbackId: callbackId,
      ...(result !== undefined && { Result: result }),
      ...(error && { Error: error }),
    };
    this.#endFromOutside(found.arn, { ...found.operation, CallbackDetails }, error === undefined);
    return true;
  }

  /** Stops waiting; executions that run go on when another host opens the same store. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const run of this.#runs.values()) run.wake();
    await Promise.all([...this.#runs.values()].map(({ ended }) => ended));
  }

  #get(arn: string): Execution {
    const execution = this.#options.store.get(arn);
    if (execution === undefined) throw new InvalidParameterError(`There is no durable execution ${arn}`);
    return execution;
  }

  #run(arn: string): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const run: Run = { wake: () => {}, ended: promise, changed: new Map() };
    this.#runs.set(arn, run);
    for (const operation of this.#options.store.operations(arn))
      if (isStartedInvoke(operation)) this.#invokeChained(arn, operation);
    this.#drive(arn, run).then(resolve, (error: unknown) => {
      // A fault of this host itself: the execution must not look as if it went on.
      this.#end(arn, 'FAILED', { error: { ErrorType: 'Host.Fault', ErrorMessage: String(error) } });
      resolve();
    });
  }

  async #drive(arn: string, run: Run): Promise<void> {
    let fruitless = 0;
    while (this.#isRunning(arn)) {
      if (!(await this.#waitUntilDue(arn, run))) continue;
      const outcome = await this.#invokeOnce(arn, run);
      if (this.#closing.signal.aborted) break;
      if (outcome.functionError === undefined) {
        fruitless = 0;
        this.#takeResult(arn, outcome);
      } else {
        fruitless = outcome.fruitful ? 0 : fruitless + 1;
        await this.#afterDeath(arn, outcome, fruitless);
      }
    }
    this.#runs.delete(arn);
  }

  #isRunning(arn: string): boolean {
    return !this.#closing.signal.aborted && this.#get(arn).status === 'RUNNING';
  }

  /** Waits while the execution is suspended. @returns false when it was stopped or its time is over */
  async #waitUntilDue(arn: string, run: Run): Promise<boolean> {
    const { store, clock, executionTimeoutMs } = this.#options;
    for (;;) {
      const execution = this.#get(arn);
      if (!this.#isRunning(arn)) return false;
      const overAtMs = execution.startedAtMs + executionTimeoutMs(execution.functionArn);
      if (clock.now() >= overAtMs) {
        this.#end(arn, 'TIMED_OUT', {});
        return false;
      }
      this.#expireTimers(arn, run, clock.now() / 1000);
      if (execution.suspended === 0 || run.changed.size > 0) return true;
      const timer = nextTimer(store.operations(arn));
      const dueAtMs = Math.min(overAtMs, timer === undefined ? Infinity : timer * 1000);
      await this.#sleepUntil(dueAtMs, run);
    }
  }

  async #sleepUntil(atMs: number, run: Run): Promise<void> {
    const { clock } = this.#options;
    const awake = new AbortController();
    run.wake = () => awake.abort();
    if (run.changed.size > 0 || this.#closing.signal.aborted) return;
    // Longer than a timer of Node can be: it comes back and looks again.
    const ms = Math.min(Math.max(0, atMs - clock.now()), 2 ** 31 - 1);
    await clock.sleep(ms, awake.signal).catch((error: unknown) => {
      if (!awake.signal.aborted) throw error;
    });
  }

  async #invokeOnce(arn: string, run: Run): Promise<InvocationOutcome & { fruitful: boolean }> {
    const { store, limits, invokeOnce } = this.#options;
    const execution = this.#get(arn);
    store.setSuspended(arn, false);
    delete run.lastCheckpoint;
    const sequence = store.advance(arn);
    const event = {
      DurableExecutionArn: arn,
      CheckpointToken: checkpointToken(execution, sequence),
      UpdatedOperationIds: takeAll(run.changed).map(({ Id }) => Id),
      InitialExecutionState: operationPage(store.operations(arn), limits),
    };
    const outcome = await invokeOnce(execution.functionArn, Buffer.from(JSON.stringify(event)));
    return { ...outcome, fruitful: this.#get(arn).sequence > sequence };
  }

  #takeResult(arn: string, { payload }: InvocationOutcome): void {
    const { store } = this.#options;
    const { data: answer } = invocationResultSchema.safeParse(JSON.parse(payload.toString() || 'null'));
    if (answer === undefined) this.#fail(arn, 'Invalid Status in invocation output.');
    else if (answer.Status === 'SUCCEEDED')
      this.#end(arn, 'SUCCEEDED', answer.Result ? { result: answer.Result } : {});
    else if (answer.Status === 'FAILED') this.#end(arn, 'FAILED', { error: answer.Error ?? {} });
    else if (this.#hasPending(arn)) store.setSuspended(arn, true);
    else this.#fail(arn, 'Cannot return PENDING status with no pending operations.');
  }

  #hasPending(arn: string): boolean {
    const operations = this.#options.store.operations(arn);
    const changed = (this.#runs.get(arn)?.changed.size ?? 0) > 0;
    return changed || nextTimer(operations) !== undefined || operations.some(waitsForOthers);
  }

  /** A process that died is followed by another one, later and later when nothing comes of it. */
  async #afterDeath(arn: string, { payload }: InvocationOutcome, fruitless: number): Promise<void> {
    const { clock, limits } = this.#options;
    if (fruitless >= limits.maxFruitlessInvocations)
      return this.#fail(arn, payload.toString().slice(0, 1000));
    const delayMs = Math.min(100 * 2 ** fruitless, 10_000);
    await clock.sleep(delayMs, this.#closing.signal).catch((error: unknown) => {
      if (!this.#closing.signal.aborted) throw error;
    });
  }

  #fail(arn: string, ErrorMessage: string): void {
    this.#end(arn, 'FAILED', { error: { ErrorType: 'InvalidParameterValueException', ErrorMessage } });
  }

  #end(
    arn: string,
    status: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT',
    outcome: { result?: string; error?: ErrorObject },
  ): void {
    this.#options.store.end(arn, status, this.#options.clock.now(), outcome);
  }

  #expireTimers(arn: string, run: Run, now: number): void {
    const { store } = this.#options;
    const expired = expireTimers(store.operations(arn), now);
    if (expired.length === 0) return;
    store.transaction(() => store.put(arn, expired));
    for (const operation of expired) run.changed.set(operation.Id, operation);
  }

  #invokeChained(arn: string, operation: Operation): void {
    const { functionName = '', payload = 'null' } = operation.Local ?? {};
    const name = `${arn.split('/').at(-1)}-${operation.Id}`;
    this.#options
      .invokeToEnd(functionName, payload, name)
      .then((outcome) => this.#endChained(arn, operation, outcome))
      .catch((error: unknown) =>
        this.#endFromOutside(
          arn,
          {
            ...operation,
            ChainedInvokeDetails: { Error: { ErrorType: 'Lambda.Unknown', ErrorMessage: String(error) } },
          },
          false,
        ),
      );
  }

  #endChained(arn: string, operation: Operation, { payload, functionError }: InvocationOutcome): void {
    if (this.#closing.signal.aborted) return;
    const text = payload.toString();
    const ChainedInvokeDetails = functionError === undefined ? { Result: text } : { Error: errorOf(text) };
    this.#endFromOutside(arn, { ...operation, ChainedInvokeDetails }, functionError === undefined);
  }

  #endFromOutside(arn: string, operation: Operation, succeeded: boolean): void {
    if (this.#closing.signal.aborted) return;
    const { store, clock } = this.#options;
    const ended: Operation = {
      ...operation,
      Status: succeeded ? 'SUCCEEDED' : 'FAILED',
      EndTimestamp: clock.now() / 1000,
    };
    store.put(arn, [ended]);
    const run = this.#runs.get(arn);
    run?.changed.set(ended.Id, ended);
    run?.wake();
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

function isStartedInvoke({ Type, Status }: Operation): boolean {
  return Type === 'CHAINED_INVOKE' && Status === 'STARTED';
}

function takeAll(changed: Map<string, Operation>): Operation[] {
  const operations = [...changed.values()];
  changed.clear();
  return operations;
}

function errorOf(payload: string): ErrorObject {
  const { errorType, errorMessage } = JSON.parse(payload) ?? {};
  return { ErrorType: String(errorType), ErrorMessage: String(errorMessage) };
}
