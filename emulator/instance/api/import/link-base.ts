import type { Exchange } from '../../http/exchange.ts';

/** Origin and `/api/now` as the caller addressed it, with his version segment. */
export function linkBase(exchange: Pick<Exchange, 'url' | 'version'>): string {
  const version = exchange.version === undefined ? '' : `/${exchange.version}`;
  return `${exchange.url.origin}/api/now${version}`;
}
