import type { Answer, Exchange } from '../../http/exchange.ts';
import type { InstanceState } from '../../state.ts';
import { readCondition } from '../table/condition.ts';
import { pageHeaders } from '../table/page-headers.ts';
import { maySee } from './access.ts';
import { metadataOf } from './metadata.ts';

const defaultLimit = 1_000;

/**
 * GET /attachment: what is known of the files that match a query on sys_attachment; a page may be short. The total
 * is in a header, as PySNC reads it from a live instance.
 */
export function listAttachments(exchange: Exchange, state: InstanceState): Answer {
  const { where, params, orderBy } = readCondition(exchange, state, 'sys_attachment');
  const limit = natural(exchange, 'sysparm_limit') ?? defaultLimit;
  const offset = natural(exchange, 'sysparm_offset') ?? 0;
  const rows = state.store.select('sys_attachment', { where, params, orderBy, limit, offset });
  const total = state.store.count('sys_attachment', { where, params });
  const { prevBelowStart } = state.switches;
  const paging = { limit, offset, prevBelowStart, suppressPaginationHeader: false };
  const seen = rows.filter((row) => maySee(exchange.user, state, row));
  return {
    status: 200,
    headers: pageHeaders(exchange.url, paging, total),
    json: { result: seen.map((row) => metadataOf(exchange, row)) },
  };
}

function natural({ url }: Exchange, name: string): number | undefined {
  const text = url.searchParams.get(name) ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
