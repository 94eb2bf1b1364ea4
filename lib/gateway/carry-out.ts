import type { Connections } from '../aws/connections.ts';
import { type Caller, type CallerRights, lastingName } from '../core/caller.ts';
import { type Clock, type Deadline, deadlineAt } from '../core/clock.ts';
import type { HttpConfig, InstanceConfig } from '../core/config.ts';
import { ConnectorError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type {
  BatchPart,
  BatchPartAnswer,
  Operation,
  OperationInput,
} from '../operations/define-operation.ts';
import { referenceTargetsOf } from '../operations/dictionary.ts';
import type { IdentityOf } from '../operations/identity.ts';
import type { KeyedWrites } from '../operations/keyed-writes.ts';
import type { Signal } from '../operations/signal.ts';
import { requireAllowedReads, tableAccess } from '../operations/table-access.ts';
import type { WriteLedger } from '../operations/write-ledger.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { InstanceUnavailableError, UnknownOutcomeError } from '../servicenow/errors.ts';

/** What a caller wants, whichever way the call came in. */
export type Call = {
  readonly input: OperationInput;
  /** The instance that the caller named; absent means the deployment's first. */
  readonly instance: string | undefined;
  readonly correlationId: string;
  /** Who calls over HTTP, and with which method; IAM alone bounds a direct Invoke. */
  readonly http?: { readonly caller: Caller | undefined; readonly method: string };
  /** What the instance gets as the caller sent it. */
  readonly forwarded: {
    readonly query: readonly (readonly [string, string])[];
    /** Names of query parameters: an instance's `Link` header repeats them in the order of the request. */
    readonly order: readonly string[];
    /** Lower-case names. */
    readonly headers: Readonly<Record<string, string>>;
  };
  /** The key of a direct Invoke that names none: Lambda repeats it under the same request id. */
  readonly invocationKey?: string;
  /** Headers of the answer that report what was not understood. */
  readonly notes: Readonly<Record<string, string>>;
};

/** What serving an operation needs. */
export type GatewayDeps = {
  /** Finds the connection of the instance that a caller named, or of the first. @throws ConfigurationError */
  readonly connect: Connections['connect'];
  /** How records that are created once are known. */
  readonly identityOf: IdentityOf;
  readonly http: HttpConfig;
  /** The column in which callers over HTTP are written down; absent for none. */
  readonly callerColumn?: string | undefined;
  readonly clock: Clock;
  readonly keyedWrites: KeyedWrites;
  /** Opens what is remembered of the writes to an instance, for one call; absent where the deployment has no state table. */
  readonly openLedger?: ((instanceName: string, deadline: Deadline) => WriteLedger) | undefined;
  /** How long an instance may work on a write after its answer was lost. */
  readonly inDoubtMs: number;
  /** Puts a signal on its queue, with the caller as its first sender. @returns the id of the message */
  readonly enqueueSignal?: ((signal: Signal, caller: string | undefined) => Promise<string>) | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
};

/**
 * The state table may be called so long after the deadline of a call: that the instance has not answered until then is written down
 * in the time that is kept back to report it.
 */
const doubtTimeMs = 350;

/**
 * Carries a call out: checks its parameters and its tables, and sends it.
 * @throws ConnectorError of any kind
 */
export async function carryOut(
  operation: Operation,
  call: Call,
  dispatch: (part: BatchPart) => Promise<BatchPartAnswer>,
  deps: GatewayDeps,
  deadline: Deadline,
): Promise<ServiceNowResponse> {
  const prepared = operation.prepare(withCaller(call, operation, deps.callerColumn));
  const { client, instance: served } = deps.connect(call.instance);
  const instance = call.http
    ? instanceFor(served, deps.http.callers, call.http.caller, call.http.method, prepared.tables)
    : served;
  const access = tableAccess(instance, deps.http.dotWalkAnywhere);
  for (const table of prepared.tables) access.require(table);
  const context = { deadline, correlationId: call.correlationId };
  const { identityOf, keyedWrites, clock, inDoubtMs, enqueueSignal: enqueue } = deps;
  const caller = call.http?.caller && lastingName(call.http.caller);
  const enqueueSignal = enqueue && ((signal: Signal) => enqueue(signal, caller));
  const { invocationKey } = call;
  const ofCall = { client, context, access, instanceName: instance.name, invocationKey, dispatch };
  const ledger = deps.openLedger?.(instance.name, deadlineAt(deadline.atMs + doubtTimeMs, clock));
  const callerColumn = call.http?.caller && deps.callerColumn;
  const operationDeps = {
    ...ofCall,
    callerColumn,
    identityOf,
    keyedWrites,
    ledger,
    clock,
    inDoubtMs,
    enqueueSignal,
  };
  const passOn = (request: ServiceNowRequest) => forward(request, call.forwarded);
  if (prepared.request && access.isBounded) {
    const [table = 'sys_attachment'] = prepared.tables;
    const targets = referenceTargetsOf(client, deps.clock);
    await requireAllowedReads(passOn(prepared.request), table, access, targets, context);
  }
  const response = await prepared.send(operationDeps, passOn).catch((error: unknown) => {
    throw prepared.request?.repeatable === 'never' ? asUnknownOutcome(error) : error;
  });
  if (response.headers['idempotency-replayed'] === 'true') deps.metrics.add('Deduplicated');
  const warning = response.headers['idempotency-warning'];
  if (warning) deps.log.error('idempotency-warning', { tables: prepared.tables.join(','), reason: warning });
  return response;
}

/**
 * The parameters of a call with the caller in the column that the deployment names, in place of what the caller itself gave for it. Only
 * for records of the Table API, and for callers whom API Gateway attests.
 */
function withCaller(
  { input, http }: Call,
  { routes }: Operation,
  column: string | undefined,
): OperationInput {
  const record = input['record'];
  const isTableRecord = routes.some(({ path }) => path.startsWith('/table/'));
  if (column === undefined || !http?.caller || !isTableRecord) return input;
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return input;
  return { ...input, record: { ...record, [column]: lastingName(http.caller) } };
}

/** An outage error invites a retry, which would write twice if the first write succeeded. */
function asUnknownOutcome(error: unknown): unknown {
  if (!(error instanceof InstanceUnavailableError) || error.effect !== 'unknown') return error;
  const { method, path, message } = error;
  const withAdvice = `${message}; it may have succeeded; check the instance before retrying`;
  return new UnknownOutcomeError(withAdvice, { method, path, effect: 'unknown', cause: error });
}

function forward(
  request: ServiceNowRequest,
  { query, order, headers }: Call['forwarded'],
): ServiceNowRequest {
  const all: [string, string][] = [...(request.query ?? [])];
  for (const [name, value] of query) all.push([name, value]);
  const place = ([name]: readonly [string, string]) =>
    order.includes(name) ? order.indexOf(name) : order.length;
  const ordered = new URLSearchParams(all.toSorted((a, b) => place(a) - place(b)));
  return {
    ...request,
    ...(ordered.size > 0 && { query: ordered }),
    ...(Object.keys(headers).length > 0 && { headers: { ...request.headers, ...headers } }),
  };
}

/** The caller may not do this with the table. */
export class CallerNotAllowedError extends ConnectorError {
  override readonly name: string = 'CallerNotAllowedError';
  override readonly code = 'CALLER_NOT_ALLOWED';
  override readonly ownAnswer = { status: 403, title: 'Caller not allowed' };
}

/**
 * The instance as this caller may use it: its tables are those on which the caller has the method.
 * @throws CallerNotAllowedError naming caller, method and table when one of `tables` is not among them
 */
function instanceFor(
  instance: InstanceConfig,
  rights: CallerRights,
  caller: Caller | undefined,
  method: string,
  tables: readonly string[],
): InstanceConfig {
  if (rights === undefined) return instance;
  const held = [...(caller?.principals ?? []), '*'].flatMap((principal) => rights.get(principal) ?? []);
  const verb = method === 'HEAD' ? 'GET' : method;
  const mayUse = (table: string) =>
    held.some((one) =>
      [...(one.get(table) ?? []), ...(one.get('*') ?? [])].some((each) => each === verb || each === '*'),
    );
  const refused = tables.find((table) => !mayUse(table.toLowerCase()));
  if (refused !== undefined)
    throw new CallerNotAllowedError(
      `${caller?.name ?? 'the caller'} may not ${verb} ${refused}; see the param callers of the deployment`,
    );
  if (mayUse('*')) return instance;
  const named = held.flatMap((one) => [...one.keys()]).filter((table) => table !== '*' && mayUse(table));
  const isServed = (table: string) =>
    instance.allowedTables.includes('*') || instance.allowedTables.includes(table);
  return { ...instance, allowedTables: [...new Set(named)].filter(isServed) };
}
