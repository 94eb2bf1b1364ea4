import type { Invocation, InvocationOutcome } from '../invocation.ts';
import { type RuntimeOptions, RuntimeProcess } from './runtime-process.ts';

/**
 * The execution environments of one function: started when an invocation finds none idle, at most `maxProcesses` at once, kept warm,
 * thrown away when an invocation killed them. Invocations beyond the limit wait in line.
 */
export class FunctionPool {
  readonly #options: RuntimeOptions;
  readonly #maxProcesses: number;
  readonly #idle: RuntimeProcess[] = [];
  readonly #all = new Set<RuntimeProcess>();
  readonly #line: (() => void)[] = [];
  readonly #closed = new AbortController();
  #running = 0;

  constructor(options: RuntimeOptions, maxProcesses: number) {
    this.#options = options;
    this.#maxProcesses = maxProcesses;
  }

  /** Process ids of the environments that are alive. */
  get pids(): number[] {
    return [...this.#all].flatMap(({ pid, exited }) => (exited ? [] : (pid ?? [])));
  }

  /** Runs one invocation as soon as an environment is free. Never rejects for what the function does. */
  async invoke(invocation: Invocation): Promise<InvocationOutcome> {
    await this.#takeTurn();
    try {
      return await this.#invokeInProcess(invocation);
    } finally {
      this.#running -= 1;
      this.#line.shift()?.();
    }
  }

  /** Kills every process; running invocations end with an error. */
  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.all([...this.#all].map((runtime) => runtime.kill()));
  }

  async #takeTurn(): Promise<void> {
    if (this.#running >= this.#maxProcesses)
      await new Promise<void>((resolve) => {
        this.#line.push(resolve);
      });
    this.#running += 1;
  }

  async #invokeInProcess(invocation: Invocation): Promise<InvocationOutcome> {
    const { signal } = this.#closed;
    const runtime = (await this.#takeIdle()) ?? (await this.#start());
    const failedInit = await runtime.initialise(invocation.requestId, signal);
    const { timeoutSeconds } = this.#options.lambdaFunction;
    const outcome = failedInit ?? (await runtime.run(invocation, timeoutSeconds, signal));
    if (failedInit || runtime.exited) await this.#discard(runtime);
    else this.#idle.push(runtime);
    return outcome;
  }

  /** One that died while it was idle is thrown away too: its Runtime API still listens. */
  async #takeIdle(): Promise<RuntimeProcess | undefined> {
    for (let runtime = this.#idle.pop(); runtime; runtime = this.#idle.pop()) {
      if (!runtime.exited) return runtime;
      await this.#discard(runtime);
    }
    return undefined;
  }

  async #start(): Promise<RuntimeProcess> {
    const runtime = await RuntimeProcess.start(this.#options);
    this.#all.add(runtime);
    if (this.#closed.signal.aborted) await runtime.kill();
    return runtime;
  }

  async #discard(runtime: RuntimeProcess): Promise<void> {
    this.#all.delete(runtime);
    await runtime.kill();
  }
}
