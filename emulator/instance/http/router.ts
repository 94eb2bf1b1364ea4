import type { InstanceState } from '../state.ts';
import type { Answer, Exchange } from './exchange.ts';
import { Failure, noSuchResource } from './failure.ts';

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
