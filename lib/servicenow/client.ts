import { randomUUID } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import { type Clock, deadlineAt, systemClock } from '../core/clock.ts';
import { createLimiter } from '../core/limiter.ts';
import { type Log, silentLog } from '../core/log.ts';
import { type Metrics, silentMetrics } from '../core/metrics.ts';
import { processRedactor, type Redactor } from '../core/redaction.ts';
import type { BackOff } from '../core/retry-timing.ts';
import type { CallContext, CallOptions, ServiceNowClient } from './call.ts';
import { createConnectionSource, type ReadSecret } from './connection.ts';
import { authenticate, createCredentialGuard } from './middleware/authenticate.ts';
import { logCalls } from './middleware/log.ts';
import { retry } from './middleware/retry.ts';
import { createSend } from './middleware/send.ts';
import { createHourlyBudget, throttle } from './middleware/throttle.ts';

export type ClientOptions = {
  /** Gives the JSON of the connection secret; see `ConnectionSecret` for its shape. */
  readonly readSecret: ReadSecret;
  /** Hosts in addition to ServiceNow's own domains: `host`, `host:8443`, `*.example.com`; loopback too must be listed. @default [] */
  readonly allowedHosts?: readonly string[];
  /** HTTPS_PROXY and NO_PROXY. @default {} */
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>>;
  /** Calls and sockets at once; an instance serves 4 at a time on each node. @default 4 */
  readonly maxInFlight?: number;
  /** @default 5 */
  readonly maxAttempts?: number;
  /** @default { baseMs: 200, capMs: 10_000 } */
  readonly backOff?: BackOff;
  /** One attempt, from queueing for a socket to the last byte; the instance's own quota is 60 s. @default 65_000 */
  readonly attemptTimeoutMs?: number;
  /** @default 5_000 */
  readonly connectTimeoutMs?: number;
  /** @default 15_000 */
  readonly tokenTimeoutMs?: number;
  /** Largest answer, before and after decompression. @default 32 MiB */
  readonly maxBodyBytes?: number;
  /** Resolves host names. @default the system's resolver */
  readonly lookup?: LookupFunction;
  readonly clock?: Clock;
  /** Numbers in [0, 1). @default Math.random */
  readonly random?: () => number;
  readonly log?: Log;
  readonly metrics?: Metrics;
  readonly redactor?: Redactor;
};

const defaults = {
  allowedHosts: [],
  proxyEnvironment: {},
  maxInFlight: 4,
  maxAttempts: 5,
  backOff: { baseMs: 200, capMs: 10_000 },
  attemptTimeoutMs: 65_000,
  connectTimeoutMs: 5_000,
  tokenTimeoutMs: 15_000,
  maxBodyBytes: 32 * 1024 * 1024,
  lookup: undefined,
  clock: systemClock,
  random: Math.random,
  log: silentLog,
  metrics: silentMetrics,
  redactor: processRedactor,
};

/**
 * A client for one instance. Nothing is read or sent until the first call. Use one client for all calls of a process: it
 * holds the sockets, the token and the limiter.
 * @example
 * const client = createClient({ readSecret: async () => JSON.stringify({ instanceUrl, auth }) });
 * const { records } = await listRecords(client, { table: 'incident', limit: 10 });
 */
export function createClient(options: ClientOptions): ServiceNowClient {
  const settings = { ...defaults, ...options };
  const { clock, readSecret, maxInFlight, attemptTimeoutMs } = settings;
  const source = createConnectionSource(readSecret, settings);
  const guard = createCredentialGuard(clock);
  const send = createSend(attemptTimeoutMs, clock);
  const authenticated = authenticate({ ...settings, source, guard, send });
  const throttled = throttle(createLimiter(maxInFlight, clock), createHourlyBudget(clock), authenticated);
  const chain = logCalls(retry(throttled, settings), settings);
  return {
    send: (request, context) => chain({ request, context: withDefaults(context, clock) }),
    close: () => source.close(),
  };
}

/** How long a call may take, its retries included, when the caller does not say. */
const defaultCallMs = 120_000;

function withDefaults(context: CallOptions | undefined, clock: Clock): CallContext {
  return {
    deadline: context?.deadline ?? deadlineAt(clock.now() + defaultCallMs, clock),
    correlationId: context?.correlationId ?? randomUUID(),
    ...(context?.signal && { signal: context.signal }),
  };
}
