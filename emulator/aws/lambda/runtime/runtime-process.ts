import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type { LambdaFunction } from '../../template/lambda-functions.ts';
import { failedOutcome, type Invocation, type InvocationOutcome } from '../invocation.ts';
import { RuntimeApi } from './runtime-api.ts';

const runtimeClient = findRuntimeClient();
const rapidClientHook = join(import.meta.dirname, 'rapid-client-hook.mjs');

/** A built package has a copy next to it: the install script of aws-lambda-ric needs a compiler. */
function findRuntimeClient(): string {
  const copied = join(import.meta.dirname, 'aws-lambda-ric/index.mjs');
  if (existsSync(copied)) return copied;
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('aws-lambda-ric/package.json')), 'index.mjs');
}

/** How long Lambda lets a function start before it gives up. */
const initTimeoutMs = 10_000;

export type RuntimeOptions = {
  readonly lambdaFunction: LambdaFunction;
  /** The unzipped package. */
  readonly codeFolder: string;
  /** The function's own variables and what the local stack adds. */
  readonly environment: Readonly<Record<string, string>>;
  readonly region: string;
  /** One line of stdout or stderr. */
  readonly onLog: (line: string) => void;
};

/** One execution environment: a Node process under AWS's own runtime client, which runs one invocation at a time. */
export class RuntimeProcess {
  readonly #api: RuntimeApi;
  readonly #child: ChildProcess;
  readonly #exit: Promise<string>;
  #exited = false;

  /** Starts a process; its init goes on while the caller does other things. */
  static async start(options: RuntimeOptions): Promise<RuntimeProcess> {
    const api = new RuntimeApi();
    return new RuntimeProcess(api, spawnRuntime(options, await api.listen()), options.onLog);
  }

  private constructor(api: RuntimeApi, child: ChildProcess, onLog: (line: string) => void) {
    this.#api = api;
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      if (stream) createInterface({ input: stream }).on('line', onLog);
    this.#exit = new Promise((resolve) => {
      child.once('error', (error) => resolve(`exit: ${error.message}`));
      child.once('exit', (code, signal) => {
        this.#exited = true;
        resolve(signal ? `signal: ${signal === 'SIGKILL' ? 'killed' : signal}` : `exit status ${code}`);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get exited(): boolean {
    return this.#exited;
  }

  /** Waits for the end of the init. @returns what went wrong, worded as Lambda words it; undefined when it is ready */
  async initialise(requestId: string, signal: AbortSignal): Promise<InvocationOutcome | undefined> {
    return this.#within(initTimeoutMs, requestId, this.#api.initialised, signal);
  }

  /** Runs one invocation; the process is killed when it takes longer than `timeoutSeconds`. */
  async run(invocation: Invocation, timeoutSeconds: number, signal: AbortSignal): Promise<InvocationOutcome> {
    const timeoutMs = timeoutSeconds * 1000;
    const answer = this.#api.deliver(invocation, Date.now() + timeoutMs);
    const outcome = await this.#within(timeoutMs, invocation.requestId, answer, signal);
    if (!this.#exited) await Promise.race([this.#api.idle(), this.#exit]);
    return outcome;
  }

  /** Ends the process at once and waits until it is gone. */
  async kill(): Promise<void> {
    if (!this.#exited) this.#child.kill('SIGKILL');
    await this.#exit;
    this.#api.close();
  }

  async #within<Result>(
    timeoutMs: number,
    requestId: string,
    work: Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result | InvocationOutcome> {
    const { promise: stopped, resolve } = Promise.withResolvers<InvocationOutcome>();
    let isStopped = false;
    const stop = (outcome: InvocationOutcome) => {
      isStopped = true;
      resolve(outcome);
    };
    const timedOut = `RequestId: ${requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`;
    const timer = setTimeout(() => stop(failedOutcome('Sandbox.Timedout', timedOut)), timeoutMs);
    const onAbort = () => stop(failedOutcome('Runtime.Stopped', `RequestId: ${requestId} Error: stopped`));
    signal.addEventListener('abort', onAbort, { once: true });
    const died = this.#exit.then((how) => exitedOutcome(requestId, how));
    const outcome = await Promise.race([work, died, stopped]);
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    if (isStopped) await this.kill();
    return outcome;
  }
}

function exitedOutcome(requestId: string, how: string): InvocationOutcome {
  const message =
    how === 'exit status 0'
      ? `RequestId: ${requestId} Error: Runtime exited without providing a reason`
      : `RequestId: ${requestId} Error: Runtime exited with error: ${how}`;
  return failedOutcome('Runtime.ExitError', message);
}

/** Options of Node that load a file first. Node reads its name as a URL, in which `#` and `%` of a folder mean something. */
export function preload(file: string): readonly string[] {
  return ['--import', pathToFileURL(file).href];
}

function spawnRuntime(options: RuntimeOptions, runtimeApi: string): ChildProcess {
  const { memoryMb, handler } = options.lambdaFunction;
  const args = [...heapOptions(memoryMb), ...preload(rapidClientHook), runtimeClient, handler];
  return spawn(process.execPath, args, {
    cwd: options.codeFolder,
    env: runtimeEnvironment(options, runtimeApi),
    // The channel carries nothing: it closes when the host dies, and the process with it.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
}

/** How Lambda's runtime divides a function's memory, on Node's command line, where it wins over NODE_OPTIONS. */
export function heapOptions(memoryMb: number): string[] {
  return [
    `--max-semi-space-size=${Math.max(1, Math.floor(memoryMb * 0.05))}`,
    `--max-old-space-size=${Math.floor(memoryMb * 0.9)}`,
  ];
}

/** What Lambda sets, and nothing of the machine's own environment. @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html */
function runtimeEnvironment(options: RuntimeOptions, runtimeApi: string): Record<string, string> {
  const { lambdaFunction, codeFolder, region } = options;
  return {
    // Who calls: every function has credentials of its own.
    AWS_ACCESS_KEY_ID: lambdaFunction.functionName,
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_SESSION_TOKEN: 'local',
    ...lambdaFunction.environment,
    ...options.environment,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: lambdaFunction.functionName,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(lambdaFunction.memoryMb),
    AWS_LAMBDA_FUNCTION_VERSION: lambdaFunction.durable ? '1' : '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${lambdaFunction.functionName}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    AWS_LAMBDA_RUNTIME_API: runtimeApi,
    LAMBDA_TASK_ROOT: codeFolder,
    LAMBDA_RUNTIME_DIR: dirname(runtimeClient),
    _HANDLER: lambdaFunction.handler,
    TZ: ':UTC',
    LANG: 'en_US.UTF-8',
    PATH: '/usr/local/bin:/usr/bin:/bin',
  };
}
