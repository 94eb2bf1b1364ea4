import { NoSuchResourceError } from './no-such-resource.ts';

/** What the path of a request says. */
export type Route = {
  /** What stands before `/api/now`: a stage or the base path of a custom domain, or nothing. */
  readonly prefix: string;
  readonly apiVersion?: string;
  readonly tableName: string;
  readonly sysId?: string;
};

const pattern =
  /^(?<prefix>.*?)\/api\/now(?:\/(?<version>v[0-9]+))?\/(?:table|stats|import)\/(?<table>[^/]+)(?:\/(?<id>[^/]+))?\/?$/;

/**
 * Reads the path as ServiceNow would: `/api/now[/v1|/v2]/{table|stats|import}/{tableName}[/{sysId}]`.
 * @throws NoSuchResourceError when it has another form
 */
export function readRoute(rawPath: string): Route {
  const { prefix = '', version, table, id } = pattern.exec(rawPath)?.groups ?? {};
  if (table === undefined) throw new NoSuchResourceError(rawPath);
  return {
    prefix,
    ...(version && { apiVersion: version }),
    tableName: decodeSegment(table),
    ...(id && id !== 'insertMultiple' && { sysId: decodeSegment(id) }),
  };
}

/** A segment that is not valid percent-encoding is kept as it is; the check of names refuses it, by its name. */
function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
