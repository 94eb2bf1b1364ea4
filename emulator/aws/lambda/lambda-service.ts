import { join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { makeFolder } from '../make-folder.ts';
import type { LambdaFunction } from '../template/lambda-functions.ts';
import { DurableExecutions } from './durable/durable-executions.ts';
import { type Execution, ExecutionStore } from './durable/execution-store.ts';
import { awsDurableLimits, type DurableLimits } from './durable/limits.ts';
import { parseFunctionReference } from './function-names.ts';
import { failedOutcome, type InvocationOutcome, type OnAnswer } from './invocation.ts';
import { FunctionPool } from './runtime/function-pool.ts';
import { unzip } from './unzip.ts';

export type LambdaServiceOptions = {
  readonly functions: readonly LambdaFunction[];
  /** Where `<key>.zip` of every function is. */
  readonly packageFolder: string;
  /** Where code is unpacked and durable executions are kept. */
  readonly dataFolder: string;
  readonly region: string;
  /** Added to the variables of every function, and stronger than them. */
  readonly environment: () => Readonly<Record<string, string>>;
  /** Processes of one function at once (default 4). */
  readonly maxProcesses?: number;
  /** One line that a function wrote, with its key. */
  readonly onLog?: (line: string, key: string) => void;
  /** Every call of a function that has ended. */
  readonly onAnswer?: OnAnswer;
  readonly durableLimits?: Partial<DurableLimits>;
  /** When durable timers run out (default: the machine's clock). */
  readonly clock?: Clock;
};

/** How a function is called. */
export type CallOptions = {
  /** Base64 JSON, as `X-Amz-Client-Context` carries it. */
  readonly clientContext?: string;
  readonly qualifier?: string;
  /** Makes the start of a durable execution idempotent. */
  readonly durableExecutionName?: string;
  /** The caller does not wait for the result. */
  readonly asynchronous?: boolean;
};

/** The functions of a package, ready to be invoked. */
export class LambdaService {
  readonly durable: DurableExecutions;
  readonly #options: LambdaServiceOptions;
  readonly #store: ExecutionStore;
  readonly #byName: ReadonlyMap<string, LambdaFunction>;
  readonly #pools = new Map<string, Promise<FunctionPool>>();
  readonly #inBackground = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #clock: Clock;

  constructor(options: LambdaServiceOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#byName = new Map(options.functions.map((one) => [one.functionName, one]));
    makeFolder(options.dataFolder);
    this.#store = new ExecutionStore(join(options.dataFolder, 'durable-executions.sqlite'));
    this.durable = new DurableExecutions({
      store: this.#store,
      clock: this.#clock,
      limits: { ...awsDurableLimits, ...options.durableLimits },
      invokeOnce: (functionArn, event) => this.#invokeOnce(this.#require(functionArn), event, {}),
      invokeToEnd: (name, payload, durableExecutionName) =>
        this.invoke(this.#require(name), Buffer.from(payload), { durableExecutionName }),
      executionTimeoutMs: (arn) => (this.#require(arn).durable?.executionTimeoutSeconds ?? 0) * 1000,
    });
  }

  /** The function that `reference` (name or ARN, qualified or not) means. */
  find(reference: string): LambdaFunction | undefined {
    return this.#byName.get(parseFunctionReference(reference).name);
  }

  /** Executions of one function, newest first. */
  executionsOf({ arn }: LambdaFunction): Execution[] {
    return this.#store.ofFunction(arn);
  }

  execution(arn: string): Execution | undefined {
    return this.#store.get(arn);
  }

  /** Process ids of a function's execution environments. */
  async pids({ key }: LambdaFunction): Promise<number[]> {
    return (await this.#pools.get(key))?.pids ?? [];
  }

  /** Runs a function to its end: one invocation, or a whole durable execution. */
  async invoke(
    lambdaFunction: LambdaFunction,
    event: Buffer,
    options: CallOptions = {},
  ): Promise<InvocationOutcome> {
    if (!lambdaFunction.durable) return this.#invokeOnce(lambdaFunction, event, options);
    const { arn } = this.startExecution(lambdaFunction, event, options);
    return outcomeOf(await this.durable.ended(arn));
  }

  /** Starts a durable execution, or finds the one of that name. */
  startExecution(
    lambdaFunction: LambdaFunction,
    event: Buffer,
    { durableExecutionName, asynchronous }: CallOptions = {},
  ): Execution {
    const name = durableExecutionName ?? crypto.randomUUID();
    return this.durable.start(lambdaFunction.arn, '1', name, event.toString(), asynchronous);
  }

  /** Runs a function in the background; one that fails is tried again after one and after two minutes, as Lambda does. */
  invokeInBackground(lambdaFunction: LambdaFunction, event: Buffer, options: CallOptions): void {
    const work = this.#invokeWithRetries(lambdaFunction, event, options);
    this.#inBackground.add(work);
    void work.finally(() => this.#inBackground.delete(work));
  }

  /** Kills every process and waits until all is quiet. */
  async close(): Promise<void> {
    this.#closing.abort();
    const pools = await Promise.all(this.#pools.values());
    await Promise.all([this.durable.close(), ...pools.map((pool) => pool.close())]);
    await Promise.all(this.#inBackground);
    this.#store.close();
  }

  async #invokeWithRetries(
    lambdaFunction: LambdaFunction,
    event: Buffer,
    options: CallOptions,
  ): Promise<void> {
    for (const delayMs of [60_000, 120_000, undefined]) {
      const outcome = await this.#invokeOnce(lambdaFunction, event, options);
      if (outcome.functionError === undefined || delayMs === undefined) return;
      await this.#clock.sleep(delayMs, this.#closing.signal).catch((error: unknown) => {
        if (!this.#closing.signal.aborted) throw error;
      });
      if (this.#closing.signal.aborted) return;
    }
  }

  async #invokeOnce(
    lambdaFunction: LambdaFunction,
    event: Buffer,
    { clientContext, qualifier }: CallOptions,
  ): Promise<InvocationOutcome> {
    const pool = await this.#pool(lambdaFunction);
    const requestId = crypto.randomUUID();
    const startedAtMs = this.#clock.now();
    const outcome = await pool.invoke({
      requestId,
      event,
      invokedFunctionArn: qualifier ? `${lambdaFunction.arn}:${qualifier}` : lambdaFunction.arn,
      ...(clientContext !== undefined && { clientContext }),
    });
    const durationMs = this.#clock.now() - startedAtMs;
    this.#options.onAnswer?.(outcome, lambdaFunction.key, { requestId, event, startedAtMs, durationMs });
    return outcome;
  }

  #pool(lambdaFunction: LambdaFunction): Promise<FunctionPool> {
    const { key } = lambdaFunction;
    const pool = this.#pools.get(key) ?? this.#createPool(lambdaFunction);
    this.#pools.set(key, pool);
    return pool;
  }

  async #createPool(lambdaFunction: LambdaFunction): Promise<FunctionPool> {
    const { packageFolder, dataFolder, region, environment, onLog, maxProcesses = 4 } = this.#options;
    const { key } = lambdaFunction;
    const codeFolder = join(dataFolder, 'code', key);
    await unzip(join(packageFolder, `${key}.zip`), codeFolder);
    const writeLog = (line: string) => onLog?.(line, key);
    const runtime = { lambdaFunction, codeFolder, environment: environment(), region, onLog: writeLog };
    return new FunctionPool(runtime, maxProcesses);
  }

  #require(reference: string): LambdaFunction {
    const found = this.find(reference);
    if (found === undefined) throw new Error(`Function not found: ${reference}`);
    return found;
  }
}

function outcomeOf({ status, result, error }: Execution): InvocationOutcome {
  if (status === 'SUCCEEDED') return { payload: Buffer.from(result ?? 'null') };
  const { ErrorType, ErrorMessage } = JSON.parse(error ?? '{}');
  return failedOutcome(ErrorType ?? status, ErrorMessage ?? `The execution ended as ${status}`);
}
