import { InvalidInputError } from '../core/errors.ts';
import { type ServiceNowRecord, textOf, unexpectedShape } from './answers.ts';
import type { CallOptions, ServiceNowClient } from './call.ts';
import { encodedQuery, hasOrder, narrow } from './encoded-query.ts';
import { type ListAnswer, type ListOptions, listRecords, listRequest } from './records.ts';
import { ServiceNowError } from './service-now-error.ts';

export type PageOptions = Omit<
  ListOptions,
  'limit' | 'offset' | 'pairs' | 'noCount' | 'suppressPaginationHeader'
> & {
  /** Rows asked for at once; halved when the instance cannot deliver so many. @default 1000 */
  readonly pageSize?: number | undefined;
};

type Position = { readonly cursor: string | undefined; readonly offset: number; readonly pageSize: number };

const smallestPage = 10;

/** Every record of a query, in sys_id order; see `listPages`. @throws InvalidInputError, ServiceNowError */
export async function* listAll(
  client: ServiceNowClient,
  options: PageOptions,
  context?: CallOptions,
): AsyncGenerator<ServiceNowRecord, void> {
  for await (const { records } of listPages(client, options, context)) yield* records;
}

/**
 * Every record of a query page by page, in sys_id order. Pages go by key (`sys_id>last`), since offsets skip and repeat rows
 * while others write. Access controls are applied after the limit, so that a short or an empty page is not the end as long as
 * the instance says that more rows exist (docs/servicenow-contract.md 1.4). Pages without a row are not given.
 * @param context of all pages together, or what gives each page one of its own
 * @throws InvalidInputError when the query sorts; ServiceNowError
 */
export async function* listPages(
  client: ServiceNowClient,
  options: PageOptions,
  context?: CallOptions | (() => CallOptions),
): AsyncGenerator<ListAnswer, void> {
  if (hasOrder(options.query?.toString() ?? ''))
    throw new InvalidInputError('query', 'must not contain ORDERBY: records are read in sys_id order');
  const contextOf = typeof context === 'function' ? context : () => context;
  let position: Position | undefined = { cursor: undefined, offset: 0, pageSize: options.pageSize ?? 1000 };
  while (position) {
    const request: ListOptions = pageAt(options, position);
    const page = await listRecords(client, request, contextOf()).catch((error: unknown) => {
      if (position && mayAskForLess(error, position)) return undefined;
      throw error;
    });
    if (!page) {
      position = { ...position, pageSize: Math.ceil(position.pageSize / 2) };
      continue;
    }
    if (page.records.length > 0) yield page;
    position = nextPosition(position, page, request);
  }
}

function mayAskForLess(error: unknown, { pageSize }: Position): boolean {
  return error instanceof ServiceNowError && error.mayPassIfSmaller && pageSize > smallestPage;
}

function pageAt(options: PageOptions, { cursor, offset, pageSize: limit }: Position): ListOptions {
  const query = options.query?.toString() ?? '';
  const rest = cursor === undefined ? query : narrow(query, encodedQuery().where('sys_id', '>', cursor));
  const order = encodedQuery().orderBy('sys_id').toString();
  const fields = options.fields && [...new Set([...options.fields, 'sys_id'])];
  return { ...options, fields, query: rest === '' ? order : `${rest}^${order}`, limit, offset };
}

/**
 * Where the next page starts. An empty page gives no key to continue from, so that it is passed by offset.
 * @throws AnswerLostError when the instance gives the same page again
 */
function nextPosition(position: Position, page: ListAnswer, request: ListOptions): Position | undefined {
  if (!hasMore(position, page)) return undefined;
  const last = page.records.at(-1);
  if (!last) return { ...position, offset: position.offset + position.pageSize };
  const cursor = textOf(last, 'sys_id');
  if (cursor === '' || cursor === position.cursor) throw unexpectedShape(page.response, listRequest(request));
  return { ...position, cursor, offset: 0 };
}

/** Without a word from the instance about further rows, only an empty page is the end. */
function hasMore({ offset, pageSize }: Position, { records, totalCount, response }: ListAnswer): boolean {
  if (/rel="?next"?/.test(response.headers['link'] ?? '')) return true;
  if (totalCount !== undefined && Number.isFinite(totalCount)) return totalCount > offset + pageSize;
  return records.length > 0;
}
