import type { RequestListener } from 'node:http';
import type { Permit } from '../iam/access-control.ts';
import { type LoopbackServer, listenOnLoopback } from '../loopback-server.ts';
import type { StackResources } from '../template/stack-resources.ts';
import { createLambdaApi } from './api/lambda-api.ts';
import type { DurableLimits } from './durable/limits.ts';
import { createHttpApi } from './http-api/http-api.ts';
import type { InvocationOutcome, OnAnswer } from './invocation.ts';
import { LambdaService } from './lambda-service.ts';

export type LambdaHostOptions = {
  /** What the packaged template asks for. */
  readonly stack: Pick<StackResources, 'functions' | 'routes'>;
  /** Where `<key>.zip` of every function is. */
  readonly packageFolder: string;
  /** Where code is unpacked and durable executions survive a restart. */
  readonly dataFolder: string;
  readonly region: string;
  readonly accountId: string;
  /** Added to the variables of every function, e.g. `AWS_ENDPOINT_URL_SQS`. `AWS_ENDPOINT_URL_LAMBDA` is the host's own unless it is given. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Port of the HTTP API (default: a free one). */
  readonly apiPort?: number;
  /** Port of the Lambda API (default: a free one). */
  readonly lambdaPort?: number;
  /** Processes of one function at once (default 4). */
  readonly maxProcesses?: number;
  /** One line that a function wrote, with its key. */
  readonly onLog?: (line: string, key: string) => void;
  /** Every call of a function that has ended. */
  readonly onAnswer?: OnAnswer;
  readonly durableLimits?: Partial<DurableLimits>;
  /** @default every caller may do everything */
  readonly permit?: Permit | undefined;
};

/** The packaged functions, reachable as they are on AWS; on 127.0.0.1 only. */
export type LambdaHost = {
  /** Base URL of the HTTP API, without a slash at the end. */
  readonly apiUrl: string;
  /** Endpoint of the Lambda API, for `AWS_ENDPOINT_URL_LAMBDA`. */
  readonly lambdaUrl: string;
  /** Runs a function (by name or ARN) to its end. @throws Error for an unknown function; what the function does wrong is in the outcome */
  invoke(functionArn: string, event: unknown): Promise<InvocationOutcome>;
  /** Process ids of a function's execution environments. */
  pids(functionArn: string): Promise<number[]>;
  /** Kills the processes and closes the ports; durable executions wait for the next host. */
  close(): Promise<void>;
};

/**
 * Serves the HTTP API and the Lambda API of a package. Processes start with the first invocation of their function.
 * @throws PortUnavailableError when a port is taken; nothing is left open then
 */
export async function startLambdaHost(options: LambdaHostOptions): Promise<LambdaHost> {
  await using opened = new AsyncDisposableStack();
  let lambdaUrl = '';
  const { stack, apiPort, lambdaPort, environment, permit, ...rest } = options;
  const service = new LambdaService({
    ...rest,
    functions: stack.functions,
    environment: () => ({ AWS_ENDPOINT_URL_LAMBDA: lambdaUrl, ...environment }),
  });
  const servers: LoopbackServer[] = [];
  // Functions that still run find the ports open until they have ended.
  opened.defer(async () => {
    await service.close();
    await Promise.all(servers.map((server) => server.close()));
  });
  const requireFunction = (reference: string) => {
    const found = service.find(reference);
    if (found === undefined) throw new Error(`Function not found: ${reference}`);
    return found;
  };
  const httpApi = createHttpApi({
    routes: stack.routes,
    accountId: options.accountId,
    invoke: (arn, event) => service.invoke(requireFunction(arn), event),
  });
  const listen = async (handler: RequestListener, name: string, port: number | undefined) => {
    const server = await listenOnLoopback(handler, port, name);
    servers.push(server);
    return server.url;
  };
  lambdaUrl = await listen(createLambdaApi(service, permit), 'Lambda', lambdaPort);
  const apiUrl = await listen(httpApi, 'HTTP API', apiPort);
  service.durable.resume();
  const running = opened.move();
  return {
    apiUrl,
    lambdaUrl,
    invoke: async (reference, event) =>
      service.invoke(requireFunction(reference), Buffer.from(JSON.stringify(event))),
    pids: async (reference) => service.pids(requireFunction(reference)),
    close: () => running.disposeAsync(),
  };
}
