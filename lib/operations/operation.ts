import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import type {
  CallContext,
  ServiceNowClient,
  ServiceNowRequest,
  ServiceNowResponse,
} from '../servicenow/call.ts';
import type { IdentityOf } from './identity.ts';

/** What a caller gave, by the seed's names (`tableName`, `sysparmQuery`, ...), before it is checked. */
export type OperationInput = Readonly<Record<string, unknown>>;

/** Every operation names a table; the deployment's list of tables is held against it. */
export type TableParameters = { readonly tableName: string };

/** One operation of the connector: what it takes and the call it makes. It knows nothing of HTTP events or Lambda. */
export type Operation<P extends TableParameters> = {
  /** The seed's name, e.g. `getRecords`; also the function's key in `serverless.yml`. */
  readonly name: string;
  /** Every parameter name that it takes, for error messages and for telling known query parameters from columns. */
  readonly parameterNames: readonly string[];
  /** What the body of a request holds: one record, or parameters beside those of path and query. */
  readonly body?: 'record' | 'parameters';
  /** @throws InvalidInputError naming the first parameter that is wrong, missing or unknown. */
  parse(input: OperationInput): P;
  /** The call, fully encoded. No parameter can change its path. */
  request(parameters: P): ServiceNowRequest;
  /** Sends the call; most operations need no more than `client.send`. @throws ServiceNowError and its kin. */
  send(
    request: ServiceNowRequest,
    parameters: P,
    client: ServiceNowClient,
    context: CallContext,
    identityOf: IdentityOf,
  ): Promise<ServiceNowResponse>;
};

/** A flat object of parameters, `tableName` among them. */
type ParameterSchema<P extends TableParameters> = z.ZodMiniType<P> & {
  readonly shape: Readonly<Record<string, unknown>>;
};

type Definition<P extends TableParameters> = Pick<Operation<P>, 'name' | 'body' | 'request'> &
  Partial<Pick<Operation<P>, 'send'>> & {
    readonly schema: ParameterSchema<P>;
    /** Other names of a parameter, as other versions of the seed spell it. */
    readonly aliases?: Readonly<Record<string, string>>;
  };

/** Makes an operation of a schema: an unknown parameter is an error that names it and lists the known ones. */
export function defineOperation<P extends TableParameters>(definition: Definition<P>): Operation<P> {
  const { schema, aliases = {}, ...operation } = definition;
  const parameterNames = Object.keys(schema.shape);
  return {
    ...operation,
    parameterNames: [...parameterNames, ...Object.keys(aliases)],
    parse(input) {
      const renamed = rename(withoutBlanks(input), aliases);
      refuseUnknown(renamed, operation.name, parameterNames);
      return check(schema, renamed);
    },
    send: definition.send ?? ((call, _parameters, client, context) => client.send(call, context)),
  };
}

function rename(input: OperationInput, aliases: Readonly<Record<string, string>>): OperationInput {
  const names = Object.keys(input).map((name) => (Object.hasOwn(aliases, name) && aliases[name]) || name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new InvalidInputError(twice, 'given twice, under two names');
  return Object.fromEntries(Object.values(input).map((value, index) => [names[index], value]));
}

function refuseUnknown(input: OperationInput, operation: string, known: readonly string[]): void {
  const unknown = Object.keys(input).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new InvalidInputError(unknown, `unknown parameter; ${operation} takes ${known.join(', ')}`);
}

function check<P extends TableParameters>(schema: z.ZodMiniType<P>, input: OperationInput): P {
  const checked = z.safeParse(schema, input);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  throw new InvalidInputError(pathOf(issue?.path ?? []), issue?.message ?? 'invalid');
}

/**
 * What stands in the URL and is empty means "not given" to the seed, whose templates fill in what they have; an empty column
 * clears it, so that one stays.
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
