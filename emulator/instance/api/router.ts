import type { Answer, Exchange } from '../http/exchange.ts';
import { Failure, noSuchResource } from '../http/failure.ts';
import type { InstanceState } from '../state.ts';

/** Where a path under `/api` leads. */
export type ApiPath = { readonly version: string | undefined; readonly segments: readonly string[] };

/**
 * @param target path with or without its query, as it was sent: a sys_id of `.` is no step up.
 * @returns undefined for a path outside `/api/…`, or one that does not decode. The segments of another name space than
 *   `now` begin with `@` and its name: `['@sn_sc', 'servicecatalog', …]`.
 */
export function parseApiPath(target: string): ApiPath | undefined {
  const pathname = target.split('?', 1)[0] ?? '';
  const [, space, rest = ''] = /^\/api\/([a-z_]+)\/(.*)$/.exec(pathname) ?? [];
  const parts = rest.split('/');
  if (parts.at(-1) === '') parts.pop();
  const version = /^v[12]$/.test(parts[0] ?? '') ? parts.shift() : undefined;
  const segments = parts.map(decode);
  // No API of `now` may be taken for another name space.
  if (space === undefined || segments[0]?.startsWith('@')) return undefined;
  if (space !== 'now') segments.unshift(`@${space}`);
  return segments.every((segment) => segment !== undefined) ? { version, segments } : undefined;
}

function decode(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    // A malformed escape names no resource.
    return undefined;
  }
}

/** What answers one kind of request. */
export type Action = (exchange: Exchange, state: InstanceState) => Answer | Promise<Answer>;

/**
 * A path after `/api/now` and the version, and what its methods do. A segment that begins with `:` takes any
 * value: `table/:table/:sysId`.
 */
export type Route = { readonly path: string; readonly methods: Readonly<Record<string, Action>> };

/** The routes of each API, by the segment that all its paths begin with. */
export type Apis = Readonly<Record<string, () => readonly Route[] | Promise<readonly Route[]>>>;

type Compiled = { readonly pattern: readonly string[]; readonly methods: Route['methods'] };

/** Finds the action for a method and a path; HEAD is answered as GET. */
export class Router {
  readonly #apis: ReadonlyMap<string, Apis[string]>;
  readonly #compiled = new Map<string, readonly Compiled[]>();

  constructor(apis: Apis) {
    this.#apis = new Map(Object.entries(apis));
  }

  /** @throws Failure 400 for a path that leads nowhere, 405 for a method that its path does not know. */
  async find(method: string, segments: readonly string[]): Promise<Action> {
    const candidates = await this.#routesOf(segments[0] ?? '');
    const route = candidates.find(({ pattern }) => fits(pattern, segments));
    if (!route) throw noSuchResource();
    const action = route.methods[method === 'HEAD' ? 'GET' : method];
    if (!action)
      throw new Failure(405, 'Method Not Allowed', null, { Allow: Object.keys(route.methods).join(', ') });
    return action;
  }

  async #routesOf(api: string): Promise<readonly Compiled[]> {
    const known = this.#compiled.get(api);
    if (known) return known;
    const routes = (await this.#apis.get(api)?.()) ?? [];
    const compiled = routes.map(({ path, methods }) => ({ pattern: path.split('/'), methods }));
    if (routes.length > 0) this.#compiled.set(api, compiled);
    return compiled;
  }
}

const fits = (pattern: readonly string[], segments: readonly string[]) =>
  pattern.length === segments.length &&
  pattern.every((part, at) => part.startsWith(':') || part === segments[at]);

const offered = /\*\/\*|\b(application|text)\/(\*|json|xml)/i;
const understood = {
  jsonOrXml: /^\s*(application|text)\/(json|xml)\b/i,
  json: /^\s*(application|text)\/json\b/i,
} as const;

/** An action whose answer is JSON or XML, and that is sent one of these too unless only JSON will do. */
export function negotiated(action: Action, takes: keyof typeof understood = 'jsonOrXml'): Action {
  return (exchange, state) => {
    if (state.switches.requireMediaTypes) requireNamed(exchange);
    requireAcceptable(exchange);
    requireUnderstood(exchange, understood[takes]);
    return action(exchange, state);
  };
}

/** @throws Failure 400 when a header is missing that the documentation asks for. */
function requireNamed({ headers, body }: Exchange): void {
  const missing = [
    ...(headers.accept ? [] : ['Accept']),
    ...(headers['content-type'] || body.length === 0 ? [] : ['Content-Type']),
  ];
  if (missing.length > 0) throw new Failure(400, 'Bad Request', `Missing header: ${missing.join(', ')}`);
}

/**
 * Refuses what neither JSON nor XML would satisfy. A missing Accept is taken as anything: the documentation asks
 * for one, recorded calls did without.
 * @throws Failure 406
 */
function requireAcceptable(exchange: Exchange): void {
  const accept = exchange.headers.accept;
  if (accept && !offered.test(accept)) throw new Failure(406, 'Not Acceptable');
}

/**
 * Refuses a body that says it is something else.
 * @throws Failure 415
 */
function requireUnderstood(exchange: Exchange, understood: RegExp): void {
  const type = exchange.headers['content-type'];
  if (type && exchange.body.length > 0 && !understood.test(type))
    throw new Failure(415, 'Unsupported Media Type');
}
