import type { Clock } from '../../clock.ts';
import type { InvocationOutcome } from '../invocation.ts';
import { checkpointToken, InvalidParameterError, operationPage } from './checkpoints.ts';
import type { Execution, ExecutionStore } from './execution-store.ts';
import type { DurableLimits } from './limits.ts';
import { expireTimers, nextTimer, waitsForOthers } from './timers.ts';
import { type ErrorObject, invocationResultSchema, type Operation } from './wire.ts';

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

/** Longer than this a timer of Node cannot be. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * One execution while this host runs it: invokes the function, waits for timers without a process, invokes again. Holds in memory
 * only what may be lost with the process.
 */
export class ExecutionRun {
  readonly arn: string;
  /** Operations that changed without the function knowing. */
  readonly #changed = new Map<string, Operation>();
  readonly #options: DurableOptions;
  readonly #closing: AbortSignal;
  #wake: () => void = () => {};

  constructor(arn: string, options: DurableOptions, closing: AbortSignal) {
    this.arn = arn;
    this.#options = options;
    this.#closing = closing;
  }

  /** What is stored of the execution. */
  get execution(): Execution {
    const execution = this.#options.store.get(this.arn);
    if (execution === undefined) throw new InvalidParameterError(`There is no durable execution ${this.arn}`);
    return execution;
  }

  /** Runs the execution until it has ended or the host closes. */
  async drive(): Promise<void> {
    let fruitless = 0;
    for (const operation of this.#open()) if (isStartedInvoke(operation)) this.invokeChained(operation);
    while (this.#isRunning()) {
      if (!(await this.#waitUntilDue())) continue;
      const { outcome, fruitful } = await this.#invokeOnce();
      if (this.#closing.aborted) return;
      if (outcome.functionError === undefined) this.#takeResult(outcome);
      fruitless = outcome.functionError === undefined || fruitful ? 0 : fruitless + 1;
      if (outcome.functionError !== undefined) await this.#afterDeath(outcome, fruitless);
    }
  }

  /** Looks again whether there is something to do. */
  wake(): void {
    this.#wake();
  }

  /** Ends the execution; what its function still does is not recorded any more. */
  end(
    status: Exclude<Execution['status'], 'RUNNING'>,
    outcome: { result?: string; error?: ErrorObject } = {},
  ): void {
    this.#options.store.end(this.arn, status, this.#options.clock.now(), outcome);
    this.#wake();
  }

  /** Ends the execution when its time is over. */
  expireExecution(): void {
    const { clock, executionTimeoutMs } = this.#options;
    const { startedAtMs, functionArn } = this.execution;
    if (clock.now() >= startedAtMs + executionTimeoutMs(functionArn)) this.end('TIMED_OUT');
  }

  /** @param now seconds since the epoch */
  expireTimers(now: number): void {
    const expired = expireTimers(this.#open(), now);
    if (expired.length === 0) return;
    this.#options.store.putFromOutside(this.arn, expired);
    for (const operation of expired) this.#changed.set(operation.Id, operation);
  }

  /** Hands out, once, the operations that changed without the function knowing. */
  takeChanged(): Operation[] {
    const operations = [...this.#changed.values()];
    this.#changed.clear();
    return operations;
  }

  /** Calls the function of a chained invoke; its end ends the operation. */
  invokeChained(operation: Operation): void {
    const { functionName = '', payload = 'null' } = operation.Local ?? {};
    const name = `${this.arn.split('/').at(-1)}-${operation.Id}`;
    this.#options.invokeToEnd(functionName, payload, name).then(
      (outcome) => this.#endChained(withOutcome(operation, outcome), outcome.functionError === undefined),
      (error: unknown) => this.#endChained(withError(operation, 'Lambda.Unknown', String(error)), false),
    );
  }

  /** Ends an operation that waited for something outside the function. */
  endFromOutside(operation: Operation, succeeded: boolean): void {
    const { store, clock } = this.#options;
    const Status = succeeded ? 'SUCCEEDED' : 'FAILED';
    const ended = { ...operation, Status, EndTimestamp: clock.now() / 1000 } as const;
    store.putFromOutside(this.arn, [ended]);
    this.#changed.set(ended.Id, ended);
    this.#wake();
  }

  /** A function that was stopped with this host is called again by the next one. */
  #endChained(operation: Operation, succeeded: boolean): void {
    if (!this.#closing.aborted) this.endFromOutside(operation, succeeded);
  }

  #open(): Operation[] {
    return this.#options.store.openOperations(this.arn);
  }

  #isRunning(): boolean {
    return !this.#closing.aborted && this.execution.status === 'RUNNING';
  }

  /** Waits while the execution is suspended. @returns false when it was stopped or its time is over */
  async #waitUntilDue(): Promise<boolean> {
    const { clock, executionTimeoutMs } = this.#options;
    while (this.#isRunning()) {
      const { startedAtMs, functionArn } = this.execution;
      const overAtMs = startedAtMs + executionTimeoutMs(functionArn);
      this.expireExecution();
      this.expireTimers(clock.now() / 1000);
      if (this.#isRunning() && this.execution.suspended === 0) return true;
      const timer = nextTimer(this.#open());
      await this.#sleepUntil(Math.min(overAtMs, timer === undefined ? Infinity : timer * 1000));
    }
    return false;
  }

  async #sleepUntil(atMs: number): Promise<void> {
    if (!this.#isRunning()) return;
    const { clock } = this.#options;
    const awake = new AbortController();
    this.#wake = () => awake.abort();
    const ms = Math.min(Math.max(0, atMs - clock.now()), maxTimerMs);
    await sleepUnlessAborted(clock, ms, awake.signal);
  }

  async #invokeOnce(): Promise<{ outcome: InvocationOutcome; fruitful: boolean }> {
    const { store, limits, invokeOnce } = this.#options;
    const { execution } = this;
    store.setSuspended(this.arn, false);
    const sequence = store.advance(this.arn);
    const event = {
      DurableExecutionArn: this.arn,
      CheckpointToken: checkpointToken(execution, sequence),
      UpdatedOperationIds: this.takeChanged().map(({ Id }) => Id),
      InitialExecutionState: operationPage(store.operations(this.arn), limits),
    };
    const outcome = await invokeOnce(execution.functionArn, Buffer.from(JSON.stringify(event)));
    return { outcome, fruitful: !this.#closing.aborted && this.execution.sequence > sequence };
  }

  #takeResult({ payload }: InvocationOutcome): void {
    const { data: answer } = invocationResultSchema.safeParse(JSON.parse(payload.toString() || 'null'));
    if (answer === undefined) this.#fail('Invalid Status in invocation output.');
    else if (answer.Status === 'SUCCEEDED') this.#succeed(answer.Result);
    else if (answer.Status === 'FAILED') this.end('FAILED', { error: answer.Error ?? {} });
    else if (this.#hasPending()) this.#options.store.setSuspended(this.arn, this.#changed.size === 0);
    else this.#fail('Cannot return PENDING status with no pending operations.');
  }

  #succeed(result = this.execution.result ?? ''): void {
    const { maxPayloadBytes } = this.#options.limits;
    const bytes = Buffer.byteLength(result);
    if (this.execution.asynchronous === 1 && bytes > maxPayloadBytes)
      this.#fail(`The result has ${bytes} bytes; at most ${maxPayloadBytes} are allowed`);
    else this.end('SUCCEEDED', result === '' ? {} : { result });
  }

  #hasPending(): boolean {
    const operations = this.#open();
    return this.#changed.size > 0 || nextTimer(operations) !== undefined || operations.some(waitsForOthers);
  }

  /** A process that died is followed by another one, later and later when nothing comes of it. */
  async #afterDeath({ payload }: InvocationOutcome, fruitless: number): Promise<void> {
    const { clock, limits, store } = this.#options;
    // AWS counts the repeated invocation as an operation.
    const usage = store.addUsage(this.arn, { operations: 1, bytes: payload.length });
    if (fruitless >= limits.maxFruitlessInvocations) this.#fail(payload.toString().slice(0, 1000));
    else if (usage.operations > limits.maxOperations)
      this.#fail(`The execution has more than ${limits.maxOperations} operations`);
    else await sleepUnlessAborted(clock, Math.min(100 * 2 ** fruitless, 10_000), this.#closing);
  }

  #fail(ErrorMessage: string): void {
    this.end('FAILED', { error: { ErrorType: 'InvalidParameterValueException', ErrorMessage } });
  }
}

/** True for a call of another function that is under way. */
export function isStartedInvoke({ Type, Status }: Operation): boolean {
  return Type === 'CHAINED_INVOKE' && Status === 'STARTED';
}

function withOutcome(operation: Operation, { payload, functionError }: InvocationOutcome): Operation {
  const text = payload.toString();
  if (functionError === undefined) return { ...operation, ChainedInvokeDetails: { Result: text } };
  const { errorType, errorMessage } = JSON.parse(text) ?? {};
  return withError(operation, String(errorType), String(errorMessage));
}

function withError(operation: Operation, ErrorType: string, ErrorMessage: string): Operation {
  return { ...operation, ChainedInvokeDetails: { Error: { ErrorType, ErrorMessage } } };
}

async function sleepUnlessAborted(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
