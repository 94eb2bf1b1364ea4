import { addAccount } from '../../emulator/instance/auth/add-account.ts';
import { type Instance, type InstanceOptions, startInstance } from '../../emulator/instance/index.ts';
import { createConnections } from '../../lib/aws/connections.ts';
import { EffectLedger } from '../../lib/aws/effect-ledger.ts';
import { type Clock, type Deadline, systemClock } from '../../lib/core/clock.ts';
import { type Config, readConfig } from '../../lib/core/config.ts';
import type { LogFields } from '../../lib/core/log.ts';
import type { MetricName } from '../../lib/core/metrics.ts';
import type { HttpResponse } from '../../lib/gateway/http-response.ts';
import type { Handler } from '../../lib/handler-chain.ts';
import type { Operation } from '../../lib/operations/define-operation.ts';
import { deriveSysId, identityBy } from '../../lib/operations/identity.ts';
import { keyedWritesInMemory } from '../../lib/operations/keyed-writes.ts';
import type { Signal } from '../../lib/operations/signal.ts';
import { operationHandler } from '../../lib/runtime.ts';
import type { ServiceNowClient } from '../../lib/servicenow/call.ts';
import { memoryStateTable } from '../lib/aws/memory-state-table.ts';
import { gatewayDeps } from '../lib/gateway/gateway-deps.ts';
import { httpEvent, lambdaContext, type TestRequest } from '../lib/gateway/lambda-events.ts';

/** What a function answered to an HTTP event, its body parsed. */
export type TestAnswer = {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
};

/** One operation's handler, called as API Gateway and as Lambda's Invoke call it. */
export type Served = {
  http(request: TestRequest): Promise<TestAnswer>;
  /** The answer as API Gateway gets it. */
  raw(request: TestRequest): Promise<Partial<HttpResponse>>;
  invoke(event: unknown): Promise<unknown>;
};

/** A running instance, and handlers that reach it as a deployed function would. */
export type EmulatedDeployment = {
  readonly instance: Instance;
  /** Every line that was logged. */
  readonly logged: LogFields[];
  /** Every signal that was put on the records queue. */
  readonly signals: Signal[];
  /** Who is named as the first sender of each. */
  readonly senders: (string | undefined)[];
  /** Every figure that was counted, by name. */
  readonly counted: MetricName[];
  /** As Lambda calls it. */
  handler(operation: Operation, through?: (client: ServiceNowClient) => ServiceNowClient): Handler;
  serve(operation: Operation, through?: (client: ServiceNowClient) => ServiceNowClient): Served;
  close(): Promise<void>;
};

/** Environment of a deployment for this instance. */
function configFor(environment: Record<string, string>): Config {
  return readConfig({
    SERVICENOW_SECRET_ID: 'demo',
    ALLOWED_TABLES: '*',
    ALLOWED_HOSTS: '127.0.0.1',
    ...environment,
  });
}

/** @param roles of the user whom the deployment signs in as; default: those of an administrator */
export async function startDeployment(
  environment: Record<string, string> = {},
  options: InstanceOptions = {},
  clock: Clock = systemClock,
  roles?: readonly string[],
): Promise<EmulatedDeployment> {
  const instance = await startInstance(options);
  const { url: instanceUrl } = instance;
  const user = roles && { userName: 'integration', password: 'its-password', roles };
  if (user) addAccount(instance.state.auth, user);
  const { username, password } = user ? { ...user, username: user.userName } : instance;
  const secret = JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } });
  const config = configFor(environment);
  const counted: MetricName[] = [];
  const metrics = { add: (name: MetricName) => void counted.push(name), flush() {} };
  const connections = createConnections({ config, metrics, fetchSecret: async () => secret });
  const identityOf = identityBy(config.deployment, config.records.correlationIdTables);
  const keyedWrites = keyedWritesInMemory();
  const table = memoryStateTable(clock);
  const sysIdOf = (name: string, key: string) => deriveSysId(config.deployment, name, key);
  const openLedger = (name: string, deadline: Deadline) =>
    new EffectLedger(
      () => table,
      { deployment: config.deployment, instance: name, sysIdOf },
      clock,
      deadline,
    );
  const signals: Signal[] = [];
  const senders: (string | undefined)[] = [];
  const enqueueSignal = async (signal: Signal, caller: string | undefined) => {
    senders.push(caller);
    return `message-${signals.push(signal)}`;
  };
  const logged: LogFields[] = [];
  const note = (event: string, fields: LogFields = {}) => void logged.push({ event, ...fields });
  const log = { debug: note, info: note, warn: note, error: note };
  const handlerOf = (operation: Operation, through = (client: ServiceNowClient) => client) => {
    const connect = (name?: string) => {
      const { instance: named, client } = connections.connect(name);
      return { instance: named, client: through(client) };
    };
    const shared = { identityOf, keyedWrites, openLedger, clock, log, metrics };
    const deps = { ...gatewayDeps(config, connect, shared), enqueueSignal };
    return operationHandler(operation, () => deps);
  };
  return {
    instance,
    logged,
    signals,
    senders,
    counted,
    handler: handlerOf,
    serve(operation, through) {
      const handler = handlerOf(operation, through);
      return {
        http: async (request) => readAnswer(await handler(httpEvent(request), lambdaContext())),
        raw: async (request) => ({ ...Object(await handler(httpEvent(request), lambdaContext())) }),
        invoke: (event) => handler(event, lambdaContext()),
      };
    },
    async close() {
      await connections.close();
      await instance.close();
    },
  };
}

function readAnswer(answer: unknown): TestAnswer {
  const { statusCode, headers, body }: Record<string, unknown> = { ...Object(answer) };
  return {
    statusCode: Number(statusCode),
    headers: { ...Object(headers) },
    body: typeof body === 'string' ? JSON.parse(body) : body,
  };
}
