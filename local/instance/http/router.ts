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

type Compiled = { readonly pattern: readonly string[]; readonly methods: Route['methods'] };

/** Finds the action for a method and a path; HEAD is answered as GET. */
export class Router {
  readonly #families = new Map<string, Compiled[]>();

  constructor(routes: readonly Route[]) {
    for (const { path, methods } of routes) {
      const pattern = path.split('/');
      const family = pattern[0] ?? '';
      this.#families.set(family, [...(this.#families.get(family) ?? []), { pattern, methods }]);
    }
  }

  /** @throws Failure 400 for a path that leads nowhere, 405 for a method that its path does not know. */
  find(method: string, segments: readonly string[]): Action {
    const candidates = this.#families.get(segments[0] ?? '') ?? [];
    const route = candidates.find(({ pattern }) => fits(pattern, segments));
    if (!route) throw noSuchResource();
    const action = route.methods[method === 'HEAD' ? 'GET' : method];
    if (!action)
      throw new Failure(405, 'Method Not Allowed', null, { Allow: Object.keys(route.methods).join(', ') });
    return action;
  }
}

const fits = (pattern: readonly string[], segments: readonly string[]) =>
  pattern.length === segments.length &&
  pattern.every((part, at) => part.startsWith(':') || part === segments[at]);
