import type { TableParameters } from './parameters.ts';

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
  const echoed = echo(url);
  return parts
    .map(([rel, at]) => `<${echoed}sysparm_limit=${limit}&sysparm_offset=${at}>;rel="${rel}"`)
    .join(',');
}

/** The URL as it was asked for, unknown parameters and all, but limit and offset, which are put at the end. */
function echo(url: URL): string {
  const kept = url.search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '' && !/^sysparm_(limit|offset)(=|$)/.test(pair));
  return `${url.origin}${url.pathname}?${kept.map((pair) => `${pair}&`).join('')}`;
}
