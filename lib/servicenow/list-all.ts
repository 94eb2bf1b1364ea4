import { InvalidInputError } from '../core/errors.ts';
import { encodedQuery, hasOrder, narrow } from './encoded-query.ts';
import { AnswerLostError, ResponseTooLargeError, TransactionCancelledError } from './errors.ts';
import type { CallContext, ServiceNowClient } from './request.ts';
import type { ServiceNowRecord } from './result.ts';
import { type ListAnswer, type ListOptions, listRecords } from './table.ts';

export type ListAllOptions = Omit<ListOptions, 'limit' | 'offset' | 'pairs' | 'suppressPaginationHeader'> & {
  /** Rows asked for at once; halved by itself when the instance cannot deliver so many. @default 1000 */
  readonly pageSize?: number;
};

type Position = { readonly cursor: string | undefined; readonly offset: number; readonly pageSize: number };

const smallestPage = 10;

/**
 * Every record of a query, in sys_id order. Pages go by key (`sys_id>last`), since offsets skip and repeat rows when
 * others write meanwhile. Access controls are applied after the limit, so a short or an empty page is not the end: only the
 * missing `next` link is (contract 1.4).
 * @throws InvalidInputError when the query sorts; ServiceNowError and its kin
 */
export async function* listAll(
  client: ServiceNowClient,
  options: ListAllOptions,
  context: CallContext,
): AsyncGenerator<ServiceNowRecord, void> {
  if (hasOrder(options.query ?? ''))
    throw new InvalidInputError('query', 'must not sort: all records come in sys_id order');
  let position: Position | undefined = { cursor: undefined, offset: 0, pageSize: options.pageSize ?? 1000 };
  while (position) {
    const page: ListAnswer | 'too-much' = await fetchPage(client, options, position, context);
    if (page === 'too-much') {
      position = { ...position, pageSize: Math.ceil(position.pageSize / 2) };
      continue;
    }
    yield* page.records;
    position = following(position, page);
  }
}

/** Where the next page starts; an empty page gives no key to go on from, so it is passed by offset. */
function following(position: Position, page: ListAnswer): Position | undefined {
  if (!/rel="?next"?/.test(page.response.headers['link'] ?? '')) return undefined;
  const last = page.records.at(-1)?.['sys_id'];
  if (last === undefined) return { ...position, offset: position.offset + position.pageSize };
  return { ...position, cursor: idOf(last), offset: 0 };
}

async function fetchPage(
  client: ServiceNowClient,
  options: ListAllOptions,
  position: Position,
  context: CallContext,
) {
  const { cursor, offset, pageSize: limit } = position;
  const fields = options.fields && [...new Set([...options.fields, 'sys_id'])];
  try {
    return await listRecords(
      client,
      { ...options, fields, query: queryFrom(options.query ?? '', cursor), limit, offset },
      context,
    );
  } catch (error) {
    const tooMuch = [TransactionCancelledError, ResponseTooLargeError, AnswerLostError].some(
      (kind) => error instanceof kind,
    );
    if (tooMuch && limit > smallestPage) return 'too-much';
    throw error;
  }
}

function queryFrom(query: string, cursor: string | undefined): string {
  const rest = cursor === undefined ? query : narrow(query, encodedQuery().where('sys_id', '>', cursor));
  const order = encodedQuery().orderBy('sys_id').toString();
  return rest === '' ? order : `${rest}^${order}`;
}

function idOf(value: ServiceNowRecord[string]): string {
  return typeof value === 'string' ? value : (value?.['value'] ?? '');
}
