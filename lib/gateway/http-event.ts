import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import type { Operation, Route } from '../operations/define-operation.ts';
import * as names from '../servicenow/names.ts';
import { NoRecordError, NoSuchResourceError } from './errors.ts';

const text = z.optional(z.string());

const httpEvent = z.object({
  version: z.literal('2.0'),
  rawPath: z.string(),
  rawQueryString: z._default(z.string(), ''),
  headers: z._default(z.record(z.string(), text), {}),
  body: text,
  isBase64Encoded: z.optional(z.boolean()),
  requestContext: z.object({
    http: z.object({ method: z.string() }),
    domainName: text,
    stage: text,
    requestId: text,
    authorizer: z.optional(z.unknown()),
  }),
});

/** The parts of an API Gateway HTTP API event (payload format 2.0) that we read. Header names are lower-case. */
export type HttpEvent = z.output<typeof httpEvent>;

/**
 * True when an HTTP API sent the event. API Gateway alone writes the outer object of its events, so nothing that an HTTP
 * caller sends can pass for a direct Invoke, nor the other way round: `requestContext` is no parameter of any operation.
 */
export function isHttpEvent(event: unknown): boolean {
  return typeof event === 'object' && event !== null && 'requestContext' in event;
}

/** @throws InvalidInputError when the event is not of payload format 2.0 */
export function readHttpEvent(event: unknown): HttpEvent {
  const parsed = z.safeParse(httpEvent, event);
  if (!parsed.success) {
    const field = parsed.error.issues[0]?.path.join('.') || 'event';
    throw new InvalidInputError(field, 'not an API Gateway event of payload format 2.0');
  }
  const headers = Object.entries(parsed.data.headers).map(([name, value]) => [name.toLowerCase(), value]);
  return { ...parsed.data, headers: Object.fromEntries(headers) };
}

/** What the path of a request says. */
export type RequestPath = {
  /** What stands before `/api/now`: a stage or the base path of a custom domain, or nothing. */
  readonly prefix: string;
  /** `now`, `sn_sc` for the Service Catalog API, or `own`. */
  readonly namespace: string;
  readonly apiVersion?: string;
  /** What follows `/api/now[/v1|/v2]`, still percent-encoded, without a slash at its end. */
  readonly resource: string;
};

const pattern =
  /^(?<prefix>.*?)\/api\/(?<namespace>now|sn_sc)(?:\/(?<version>v[0-9]+))?(?<resource>\/.*?)\/?$/s;
/** Paths of our own, which no instance has. */
const ownPattern = /^(?<prefix>.*?)(?<resource>\/signals)\/?$/s;

/** @throws NoSuchResourceError when the path is none of `/api/now[/v1|/v2]/…` */
export function readPath(rawPath: string): RequestPath {
  const found = pattern.exec(rawPath) ?? ownPattern.exec(rawPath);
  const { prefix = '', namespace = 'own', version, resource } = found?.groups ?? {};
  if (resource === undefined) throw new NoSuchResourceError(rawPath);
  return { prefix, namespace, ...(version && { apiVersion: version }), resource };
}

/**
 * The variables of the path as the operation's routes name them, decoded once, so that the check of names sees the text that is
 * sent to the instance.
 * @throws NoSuchResourceError when none of the operation's routes has this form
 * @throws NoRecordError for a sys_id that cannot be one, as an instance answers
 */
export function pathParameters(
  rawPath: string,
  asked: RequestPath,
  { routes }: Operation,
): Readonly<Record<string, string>> {
  for (const route of routes) {
    const variables = matchRoute(route, asked);
    if (variables === undefined) continue;
    if (variables['sysId'] !== undefined && !names.sysId.pattern.test(variables['sysId']))
      throw new NoRecordError();
    return { ...variables, ...(asked.apiVersion && { apiVersion: asked.apiVersion }) };
  }
  if (routes.some((route) => hasSlashInSysId(route, asked))) throw new NoRecordError();
  throw new NoSuchResourceError(rawPath);
}

/**
 * The operation that a method and path mean, as API Gateway would choose it: fixed segments before variables.
 * @throws NoSuchResourceError when there is none
 */
export function findOperation(operations: readonly Operation[], method: string, rawPath: string): Operation {
  const asked = readPath(rawPath);
  const matches = operations.flatMap((operation) =>
    operation.routes
      .filter((route) => route.method === method && matchRoute(route, asked) !== undefined)
      .map((route) => ({ operation, variables: route.path.split('{').length })),
  );
  const [best] = matches.toSorted((a, b) => a.variables - b.variables);
  if (best === undefined) throw new NoSuchResourceError(`${method} ${rawPath}`);
  return best.operation;
}

const isOfNamespace = ({ namespace = 'now', isOwn }: Route, asked: RequestPath) =>
  (isOwn ? 'own' : namespace) === asked.namespace;

function matchRoute(route: Route, asked: RequestPath): Readonly<Record<string, string>> | undefined {
  if (!isOfNamespace(route, asked)) return undefined;
  const expected = route.path.split('/');
  const given = asked.resource.split('/');
  if (expected.length !== given.length) return undefined;
  const variables: Record<string, string> = {};
  for (const [index, segment] of expected.entries()) {
    const value = decodeSegment(given[index] ?? '');
    const variable = /^\{(.+)\}$/.exec(segment)?.[1];
    if (variable === undefined ? value !== segment : given[index] === '') return undefined;
    if (variable !== undefined) variables[variable] = value;
  }
  return variables;
}

/** API Gateway decodes a path before we see it: a slash in a sys_id (`%2F`) then looks like more segments than the route has. */
function hasSlashInSysId(route: Route, asked: RequestPath): boolean {
  const { resource } = asked;
  const [before = '', after] = route.path.split('{sysId}');
  if (after === undefined || !isOfNamespace(route, asked)) return false;
  const toPattern = (part: string) => part.replace(/\{\w+\}/g, '[^/]+');
  return new RegExp(
    `^${toPattern(before)}.*/.*${toPattern(after)}$|^${toPattern(before)}/*${toPattern(after)}$`,
    's',
  ).test(resource);
}

/** A segment that is not valid percent-encoding is kept unchanged; the check of names refuses it, by its name. */
function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/**
 * Scheme, host and path prefix under which the caller reached us, e.g. `https://abc.execute-api.eu-west-1.amazonaws.com/dev`.
 * The host is the one that API Gateway routed by; the Host header adds no more to it than a port.
 * @param prefix what stands before `/api/now` in the path
 */
export function ourAddress(event: HttpEvent, prefix: string): string {
  const { domainName = 'localhost', stage = '$default' } = event.requestContext;
  const scheme = event.headers['x-forwarded-proto'] === 'http' ? 'http' : 'https';
  const host = event.headers['host'] ?? '';
  const authority = host.startsWith(`${domainName}:`) && /:\d{1,5}$/.test(host) ? host : domainName;
  // Behind API Gateway's own domain a named stage is part of every path, whether or not rawPath shows it.
  const hidden = prefix === '' && stage !== '$default' && domainName.endsWith('.amazonaws.com');
  return `${scheme}://${authority}${hidden ? `/${stage}` : prefix}`;
}
