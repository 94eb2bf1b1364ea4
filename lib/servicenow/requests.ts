import type { Method, Repeatable, ServiceNowRequest } from './call.ts';
import type { ApiVersion } from './names.ts';

/** What every request takes. */
export type RequestOptions = {
  readonly version?: ApiVersion | undefined;
  /** Further query parameters by ServiceNow's own names, e.g. `sysparm_fields`. */
  readonly parameters?: URLSearchParams | undefined;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

/** `false`: values as stored; `true`: as shown to the user; `all`: both (docs/servicenow-contract.md 1.3). */
export type DisplayValue = 'true' | 'false' | 'all';

/** The value of a `sysparm_…` parameter; a list is joined by commas, an absent or empty one is not sent. */
export type Sysparm = string | number | boolean | readonly string[] | undefined;

/**
 * Makes a request to ServiceNow. Pure: nothing is sent. It is the only place where one is made; the modules of the APIs
 * (`records.ts`, `aggregate.ts`, `import-sets.ts`, `attachments.ts`, `batch.ts`) give it the path, the parameters and whether
 * the call may be repeated.
 * @param path made by `apiPath` of checked names
 * @param options what the caller gives; `pairs` are equality filters, `column=value`
 * @param sysparms parameters by their names without `sysparm_`
 */
export function buildRequest(
  method: Method,
  path: string,
  repeatable: Repeatable,
  options: RequestOptions & { readonly pairs?: Readonly<Record<string, string>> | undefined } = {},
  sysparms: Readonly<Record<string, Sysparm>> = {},
  body?: unknown,
): ServiceNowRequest {
  const { headers } = options;
  const query = new URLSearchParams(options.parameters);
  for (const [name, value] of Object.entries(options.pairs ?? {})) query.set(name, value);
  for (const [name, value] of Object.entries(sysparms)) {
    const text = Array.isArray(value) ? value.join(',') : String(value ?? '');
    if (text !== '') query.set(`sysparm_${name}`, text);
  }
  return {
    method,
    path,
    ...(query.size > 0 && { query }),
    ...(headers && { headers }),
    ...(body !== undefined && { body }),
    repeatable,
  };
}

/** `/api/now/v2/table/incident`: each segment is checked or encoded by the caller. */
export function apiPath(version: ApiVersion | undefined, ...segments: readonly string[]): string {
  return ['/api/now', ...(version ? [version] : []), ...segments].join('/');
}

/** `POST /tinyurl`: keeps a long query under a short name. @param url path and query */
export function tinyUrlRequest(url: string): ServiceNowRequest {
  return buildRequest('POST', apiPath(undefined, 'tinyurl'), 'never', {}, {}, { url });
}
