import type { Answer, Exchange } from '../http/exchange.ts';
import { Failure } from '../http/failure.ts';
import type { InstanceState } from '../state.ts';
import { readObject } from './import/request.ts';
import { negotiated, type Route } from './router.ts';

const table = 'sys_tiny_url';
const parameter = 'sysparm_tiny';

/**
 * POST /tinyurl with `{"url"}`: keeps a long URL and answers a short one, `incident_list.do?sysparm_tiny=<id>`.
 * @throws Failure 400 without a URL.
 */
export function createTinyUrl({ body, user }: Exchange, state: InstanceState): Answer {
  const { url } = readObject(body);
  if (typeof url !== 'string' || url === '') throw new Failure(400, 'Missing mandatory parameter', 'url');
  const { sys_id: id = '' } = state.store.insert(table, { url }, user);
  const name = /\/table\/(\w+)/.exec(url)?.[1] ?? 'home';
  return { status: 201, json: { result: `${name}_list.do?${parameter}=${id}` } };
}

/** A request with `sysparm_tiny` is one with the parameters of the URL that was kept under it. */
export function expandTinyUrl(exchange: Exchange, { store }: InstanceState): Exchange {
  const id = exchange.url.searchParams.get(parameter);
  const kept = id === null ? undefined : store.find(table, id)?.['url'];
  if (kept === undefined) return exchange;
  const url = new URL(exchange.url);
  url.search = URL.parse(kept, exchange.url.origin)?.search ?? '';
  for (const [name, value] of exchange.url.searchParams)
    if (name !== parameter) url.searchParams.append(name, value);
  return { ...exchange, url };
}

export const tinyUrlRoutes: readonly Route[] = [
  { path: 'tinyurl', methods: { POST: negotiated(createTinyUrl, 'json') } },
];
