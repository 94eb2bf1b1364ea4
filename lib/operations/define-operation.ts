import * as z from 'zod/mini';
import type { Clock } from '../core/clock.ts';
import { InvalidInputError } from '../core/errors.ts';
import type {
  CallContext,
  ServiceNowClient,
  ServiceNowRequest,
  ServiceNowResponse,
} from '../servicenow/call.ts';
import type { IdentityOf } from './identity.ts';
import type { KeyedWrites } from './keyed-writes.ts';
import type { Signal } from './signal.ts';
import type { TableAccess } from './table-access.ts';
import type { WriteLedger } from './write-ledger.ts';

/** What a caller gave, by the WSO2 connector's names (`tableName`, `sysparmQuery`, …), before it is checked. */
export type OperationInput = Readonly<Record<string, unknown>>;

/** Where our HTTP API serves an operation: `path` follows `/api/<namespace>[/v1|/v2]`, and its variables are parameters. */
export type Route = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** @default 'now' */
  readonly namespace?: 'now' | 'sn_sc';
  /** E.g. `/table/{tableName}/{sysId}`. */
  readonly path: string;
  /** The path is none of ServiceNow's: it stands by itself, without `/api/now`. */
  readonly isOwn?: boolean;
};

/** One call of a batch, as a request to the HTTP API would be. */
export type BatchPart = {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
};

/** The answer to one call of a batch. */
export type BatchPartAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
};

/** What carrying out a call needs. */
export type OperationDeps = {
  readonly client: ServiceNowClient;
  readonly context: CallContext;
  readonly access: TableAccess;
  readonly identityOf: IdentityOf;
  /** The instance by its name in the deployment; keys of two instances are different keys. */
  readonly instanceName: string;
  readonly keyedWrites: KeyedWrites;
  /** Shared with the records queue; absent where the deployment has no state table. */
  readonly ledger?: WriteLedger | undefined;
  readonly clock: Clock;
  /** How long an instance may work on a write after its answer was lost. */
  readonly inDoubtMs: number;
  /** The column of the record in which the caller has been written down; absent for none. */
  readonly callerColumn?: string | undefined;
  /** A key that stays the same when Lambda repeats an asynchronous Invoke; absent over HTTP. */
  readonly invocationKey?: string | undefined;
  /** Puts a signal on the records queue and gives the id of its message; absent where there is no FIFO queue. */
  readonly enqueueSignal?: ((signal: Signal) => Promise<string>) | undefined;
  /** Carries out one call of a batch. */
  readonly dispatch: (part: BatchPart) => Promise<BatchPartAnswer>;
};

export type PassOn = (request: ServiceNowRequest) => ServiceNowRequest;

/** A call whose parameters have been checked. */
export type PreparedCall = {
  /** The tables that it names; each must be on the deployment's list. Empty for an operation without a table. */
  readonly tables: readonly string[];
  /** The request that it makes, fully encoded; no parameter can change its path. Absent where it makes others. */
  readonly request?: ServiceNowRequest;
  /**
   * Carries the call out.
   * @param passOn adds what the caller wants the instance to get unchanged
   * @throws ConnectorError of any kind
   */
  send(deps: OperationDeps, passOn: PassOn): Promise<ServiceNowResponse>;
};

/** One operation: what it takes and the call it makes. It knows nothing of HTTP events or Lambda. */
export type Operation = {
  /** E.g. `getRecords`; also the function's key in the template, and in kebab case its file in `functions/`. */
  readonly name: string;
  readonly routes: readonly Route[];
  /** Every parameter name that it takes, for error messages and to separate known query parameters from columns. */
  readonly parameterNames: readonly string[];
  /** True when keys of writes are remembered for it, so that its function needs the state table. */
  readonly isKeyed: boolean;
  /**
   * What the body of an HTTP request holds: one record, parameters in addition to those of path and query, or a file. `optional` marks
   * a record that may be left out.
   */
  readonly body?: 'record' | 'optional-record' | 'parameters' | 'file';
  /** What the parameters must be, for descriptions of the API. */
  readonly schema: z.ZodMiniType;
  /** @throws InvalidInputError naming the first parameter that is wrong, missing or unknown. */
  prepare(input: OperationInput): PreparedCall;
};

/** A flat object of parameters. */
type ParameterSchema<P> = z.ZodMiniType<P> & { readonly shape: Readonly<Record<string, unknown>> };

type Definition<P> = Pick<Operation, 'name' | 'routes' | 'body'> & {
  /** @default true for an operation with the parameter `idempotencyKey` */
  readonly isKeyed?: boolean;
  /** Parameters that it does not know are left out. @default false: they are errors */
  readonly ignoresUnknown?: boolean;
  readonly schema: ParameterSchema<P>;
  /** Other names of a parameter, as versions of the WSO2 connector spell it. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** @default `tableName`, where that is a parameter */
  readonly tables?: (parameters: P) => readonly string[];
} & (OneRequest<P> | OtherRequests<P>);

type OneRequest<P> = {
  readonly request: (parameters: P) => ServiceNowRequest;
  /** @default sends the request through the client */
  readonly send?: (
    request: ServiceNowRequest,
    parameters: P,
    deps: OperationDeps,
  ) => Promise<ServiceNowResponse>;
};

type OtherRequests<P> = {
  readonly carryOut: (parameters: P, deps: OperationDeps) => Promise<ServiceNowResponse>;
};

/** Makes an operation of a schema: an unknown parameter is an error that names it and lists the known ones. */
export function defineOperation<P extends object>(definition: Definition<P>): Operation {
  const { name, routes, body, schema, aliases = {}, tables = tableNamed } = definition;
  const known = Object.keys(schema.shape);
  return {
    name,
    routes,
    isKeyed: definition.isKeyed ?? known.includes('idempotencyKey'),
    ...(body && { body }),
    parameterNames: [...known, ...Object.keys(aliases)],
    schema,
    prepare(input) {
      const renamed = rename(withoutBlanks(input), aliases);
      if (!definition.ignoresUnknown) refuseUnknown(renamed, name, known);
      const parameters = check(schema, renamed);
      return { tables: tables(parameters), ...toSend(definition, parameters) };
    },
  };
}

function toSend<P>(
  definition: OneRequest<P> | OtherRequests<P>,
  parameters: P,
): Pick<PreparedCall, 'request' | 'send'> {
  if ('carryOut' in definition) return { send: (deps) => definition.carryOut(parameters, deps) };
  const { send = (request, _parameters, { client, context }) => client.send(request, context) } = definition;
  const request = definition.request(parameters);
  return { request, send: (deps, passOn) => send(passOn(request), parameters, deps) };
}

function tableNamed(parameters: object): readonly string[] {
  return 'tableName' in parameters && typeof parameters.tableName === 'string' ? [parameters.tableName] : [];
}

function rename(input: OperationInput, aliases: Readonly<Record<string, string>>): OperationInput {
  const names = Object.keys(input).map((name) => (Object.hasOwn(aliases, name) && aliases[name]) || name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new InvalidInputError(twice, 'is given twice, under two names');
  return Object.fromEntries(Object.values(input).map((value, index) => [names[index], value]));
}

function refuseUnknown(input: OperationInput, operation: string, known: readonly string[]): void {
  const unknown = Object.keys(input).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new InvalidInputError(unknown, `unknown parameter; ${operation} takes ${known.join(', ')}`);
}

function check<P>(schema: z.ZodMiniType<P>, input: OperationInput): P {
  const checked = z.safeParse(schema, input);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  throw new InvalidInputError(pathOf(issue?.path ?? []), issue?.message ?? 'invalid');
}

/**
 * An empty URL parameter means "not given" to the WSO2 connector, whose templates fill in what they have. An empty column
 * clears that column, so it stays.
 */
function withoutBlanks(input: OperationInput): OperationInput {
  const isBlank = (name: string, value: unknown) =>
    value === '' && /^sysparm|^(?:apiVersion|multiImportSetId|runAfter)$/.test(name);
  const given = Object.entries(input).filter(
    ([name, value]) => value !== undefined && value !== null && !isBlank(name, value),
  );
  return Object.fromEntries(given);
}

/** `['records', 3, 'ram']` as `records[3].ram`. */
function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}
