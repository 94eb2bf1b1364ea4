/** Where a path under `/api/now` leads. */
export type ApiPath = { readonly version: string | undefined; readonly segments: readonly string[] };

/** @returns undefined for a path outside `/api/now`, or one that does not decode. */
export function parseApiPath(pathname: string): ApiPath | undefined {
  if (!pathname.startsWith('/api/now/')) return undefined;
  const parts = pathname.slice('/api/now/'.length).split('/');
  if (parts.at(-1) === '') parts.pop();
  const version = /^v[12]$/.test(parts[0] ?? '') ? parts.shift() : undefined;
  const segments = parts.map(decode);
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
