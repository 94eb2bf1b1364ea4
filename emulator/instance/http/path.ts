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
