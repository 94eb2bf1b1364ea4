import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { XMLBuilder } from 'fast-xml-parser';
import * as z from 'zod';
import { AwsError } from './aws-error.ts';
import { type Permit, permitAll } from './iam/access-control.ts';
import type { RequiredRights } from './iam/required-rights.ts';

/** One API action: takes the parameters as nested lists and maps, answers what stands in `<…Result>`. */
export type QueryAction<State> = (parameters: unknown, state: State) => object | undefined;

/** An AWS Query service (https://smithy.io/2.0/aws/protocols/aws-query-protocol.html): forms in, XML out. */
export type QueryService<State> = {
  readonly xmlNamespace: string;
  readonly actions: Readonly<Record<string, QueryAction<State>>>;
  readonly state: State;
  readonly rights: RequiredRights;
  /** @default every caller may do everything */
  readonly permit?: Permit | undefined;
  /** What an input that does not fit its schema is called. */
  readonly validationCode: string;
};

const builder = new XMLBuilder({ ignoreAttributes: false, suppressEmptyNode: true });

/** An action whose parameters are checked against `schema` first. */
export function queryAction<Schema extends z.ZodType, State>(
  schema: Schema,
  run: (input: z.output<Schema>, state: State) => object | undefined,
): QueryAction<State> {
  return (parameters, state) => run(schema.parse(parameters), state);
}

/** Answers every request of the service; the action is the parameter `Action`. */
export function queryProtocol<State>(service: QueryService<State>): RequestListener {
  return async (request, response) => {
    const form = new URLSearchParams(await text(request));
    const { status, document } = answer(service, request.headers.authorization, form);
    if (response.destroyed) return;
    response.writeHead(status, { 'content-type': 'text/xml' });
    response.end(builder.build(document));
  };
}

function answer<State>(
  service: QueryService<State>,
  authorization: string | undefined,
  form: URLSearchParams,
): { status: number; document: object } {
  const name = form.get('Action') ?? '';
  const ids = { RequestId: randomUUID() };
  const attributes = { '@_xmlns': service.xmlNamespace };
  try {
    const action = Object.hasOwn(service.actions, name) ? service.actions[name] : undefined;
    if (!action) throw new AwsError('InvalidAction', `The action ${name} is not valid for this endpoint.`);
    const input = nest(form);
    const { permit = permitAll, rights } = service;
    permit(authorization, ...rights(name, input));
    const result = action(input, service.state) ?? {};
    const content = { ...attributes, [`${name}Result`]: result, ResponseMetadata: ids };
    return { status: 200, document: { [`${name}Response`]: content } };
  } catch (error) {
    const { code, message, status } = asAwsError(error, service.validationCode);
    const reason = { Type: status < 500 ? 'Sender' : 'Receiver', Code: code, Message: message };
    return { status, document: { ErrorResponse: { ...attributes, Error: reason, ...ids } } };
  }
}

function asAwsError(error: unknown, validationCode: string): AwsError {
  if (error instanceof AwsError) return error;
  if (error instanceof z.ZodError) return new AwsError(validationCode, z.prettifyError(error));
  return new AwsError('InternalFailure', String(error), 500);
}

type Nested = string | { [name: string]: Nested };

/** `A.entry.1.key=x&A.entry.1.value=y` is `{ A: { x: 'y' } }`, and `A.member.1=x` is `{ A: ['x'] }`. */
function nest(form: URLSearchParams): unknown {
  const root: { [name: string]: Nested } = Object.create(null);
  for (const [path, value] of form) {
    const steps = path.split('.');
    const last = steps.pop() ?? '';
    let at = root;
    for (const step of steps) {
      const inner = at[step];
      const next = typeof inner === 'object' ? inner : Object.create(null);
      at[step] = next;
      at = next;
    }
    at[last] = value;
  }
  return unwrap(root);
}

function unwrap(value: Nested): unknown {
  if (typeof value === 'string') return value;
  const { member, entry } = value;
  if (typeof member === 'object') return Object.values(member).map(unwrap);
  if (typeof entry === 'object') return Object.fromEntries(Object.values(entry).map(mapEntry));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, unwrap(inner)]));
}

/** The two halves of an entry are `key` and `value`, or `Name` and `Value`. */
function mapEntry(entry: Nested): [string, unknown] {
  if (typeof entry === 'string') return [entry, ''];
  const { key = entry['Name'] ?? '', value = entry['Value'] ?? '' } = entry;
  return [String(key), unwrap(value)];
}
