import type { HttpRoute } from '../../template/resources.ts';

/** A request's route and what its path variables stand for, decoded. */
export type RouteMatch = {
  readonly route: HttpRoute;
  readonly pathParameters: Readonly<Record<string, string>>;
};

/** Finds the route of a request, fixed segments before variables. */
export type RouteTable = {
  /** @param path still percent-encoded; undefined for a path or method that no route takes */
  match(method: string, path: string): RouteMatch | undefined;
};

/** @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html */
export function createRouteTable(routes: readonly HttpRoute[]): RouteTable {
  const byPrecedence = routes
    .map((route) => ({ route, segments: route.path.split('/') }))
    .sort((a, b) => variables(a.segments) - variables(b.segments));
  return {
    match(method, path) {
      const given = path.split('/');
      for (const { route, segments } of byPrecedence) {
        if (route.method !== method && route.method !== 'ANY') continue;
        const pathParameters = matchSegments(segments, given);
        if (pathParameters !== undefined) return { route, pathParameters };
      }
      return undefined;
    },
  };
}

function variables(segments: readonly string[]): number {
  return segments.filter(isVariable).length;
}

function isVariable(segment: string): boolean {
  return segment.startsWith('{') && segment.endsWith('}');
}

function matchSegments(
  segments: readonly string[],
  given: readonly string[],
): Record<string, string> | undefined {
  if (segments.length !== given.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const value = decodeSegment(given[index] ?? '');
    if (isVariable(segment) && value !== '') parameters[segment.slice(1, -1)] = value;
    else if (segment !== value) return undefined;
  }
  return parameters;
}

/** What is not valid percent-encoding stands for itself. */
export function decodeSegment(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
