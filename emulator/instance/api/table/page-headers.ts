import type { TableParameters } from './request.ts';

type Paging = Pick<TableParameters, 'limit' | 'offset' | 'suppressPaginationHeader'> & {
  readonly prevBelowStart: boolean;
};

/** `X-Total-Count` and `Link` of a list. Without a total there is neither. */
export function pageHeaders(url: URL, paging: Paging, total: number | undefined): Record<string, string> {
  if (total === undefined) return {};
  const link = paging.suppressPaginationHeader ? '' : linkHeader(url, paging, total);
  return { ...(link !== '' && { Link: link }), 'X-Total-Count': String(total) };
}

/**
 * The parts `first`, `prev`, `next`, `last`, joined by a bare comma; nothing when all rows fit one page.
 * `prev` is there when offset − limit is at least −1: the off-by-one of the product, as recorded.
 */
function linkHeader(url: URL, { limit, offset, prevBelowStart }: Paging, total: number): string {
  if (limit === 0 || total <= limit) return '';
  const parts: [rel: string, offset: number][] = [['first', 0]];
  if (offset - limit >= -1 || (prevBelowStart && offset > 0)) parts.push(['prev', offset - limit]);
  if (offset + limit < total) parts.push(['next', offset + limit]);
  parts.push(['last', Math.floor((total - 1) / limit) * limit]);
  return parts.map(([rel, at]) => `<${echo(url, limit, at)}>;rel="${rel}"`).join(',');
}

/**
 * The URL as it was requested, unknown parameters and all, with this limit and offset in their places; what the
 * request did not give is appended (recorded 2026).
 */
function echo(url: URL, limit: number, offset: number): string {
  const missing = new Map([
    ['sysparm_limit', limit],
    ['sysparm_offset', offset],
  ]);
  const given = url.search.slice(1).split('&').filter(Boolean);
  const kept = given.map((pair) => {
    const name = pair.split('=', 1)[0] ?? '';
    const value = missing.get(name);
    missing.delete(name);
    return value === undefined ? pair : `${name}=${value}`;
  });
  const appended = [...missing].map(([name, value]) => `${name}=${value}`);
  return `${url.origin}${url.pathname}?${[...kept, ...appended].join('&')}`;
}
