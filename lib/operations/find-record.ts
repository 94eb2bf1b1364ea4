import * as z from 'zod/mini';
import { ConfigurationError, ConnectorError } from '../core/errors.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { encodedQuery } from '../servicenow/encoded-query.ts';
import { AccessDeniedError, RecordNotFoundError } from '../servicenow/errors.ts';
import { listRequest, updateRequest } from '../servicenow/records.ts';
import type { OperationDeps } from './define-operation.ts';

/**
 * What an instance says about a record: `hidden` exists, but the user may not read it; with `unknown` it may, as the instance does
 * not count for this user.
 */
export type Found =
  | { readonly kind: 'visible'; readonly sysId: string }
  | { readonly kind: 'hidden' | 'absent' | 'unknown' };

type Reader = Pick<OperationDeps, 'client' | 'context'>;

/** The instance answered, but not what its API promises. */
export class UnreadableAnswerError extends ConnectorError {
  override readonly name: string = 'UnreadableAnswerError';
  override readonly code = 'ANSWER_UNREADABLE';
  override readonly retryable = true;
}

/** @throws ServiceNowError when the instance cannot be asked */
export function findBySysId(table: string, sysId: string, reader: Reader): Promise<Found> {
  return find(table, 'sys_id', sysId, reader);
}

/** @throws ConfigurationError when the table has no such column; ServiceNowError when the instance cannot be asked */
export function findByCorrelationId(table: string, correlationId: string, reader: Reader): Promise<Found> {
  return find(table, 'correlation_id', correlationId, reader);
}

const rows = z.object({ result: z.array(z.record(z.string(), z.unknown())) });

/** Records whose value differs in letter case only are found too; more of them than this do not exist. */
const mostAlike = 100;

/** The total of a list is blind to access controls (docs/servicenow-contract.md 1.4). */
async function find(
  table: string,
  column: 'sys_id' | 'correlation_id',
  value: string,
  { client, context }: Reader,
): Promise<Found> {
  const query = encodedQuery().where(column, '=', value).orderBy('sys_created_on');
  const request = listRequest({ table, query, fields: ['sys_id', column], limit: mostAlike });
  const response = await client.send(request, context).catch((error: unknown) => {
    if (error instanceof AccessDeniedError || error instanceof RecordNotFoundError) return undefined;
    throw error;
  });
  if (response === undefined) return { kind: 'unknown' };
  const parsed = z.safeParse(rows, response.body);
  if (!parsed.success)
    throw new UnreadableAnswerError(
      'the look-up returned no list of records; check that the user may read the table',
    );
  const { result } = parsed.data;
  // An instance drops a condition on a column that it does not know, and so finds any record (docs/servicenow-contract.md 2.3).
  if (column === 'correlation_id' && result.some((row) => row[column] === undefined))
    throw noCorrelationId(table);
  const own = result.find((row) => row[column] === value);
  if (typeof own?.['sys_id'] === 'string') return { kind: 'visible', sysId: own['sys_id'] };
  const total = response.headers['x-total-count'];
  if (column === 'correlation_id' && result.length === 0 && Number(total ?? 0) === 0) {
    const ask = (asked: ServiceNowRequest) => client.send(asked, context);
    if (await unknownColumnOf(table, [column], ask, shownTo(client))) throw noCorrelationId(table);
  }
  if (total === undefined) return { kind: result.length > 0 ? 'absent' : 'unknown' };
  return { kind: Number(total) > result.length ? 'hidden' : 'absent' };
}

/**
 * True when there is a record, as a write that changes nothing says: a look-up may lag behind what was just written, a write never does.
 * False also where the user may not see it.
 */
export async function isThereByWrite(
  table: string,
  sysId: string,
  { client, context }: Reader,
): Promise<boolean> {
  try {
    await client.send(updateRequest({ table, sysId, record: {}, fields: ['sys_id'] }), context);
    return true;
  } catch (error) {
    if (error instanceof AccessDeniedError || error instanceof RecordNotFoundError) return false;
    throw error;
  }
}

function noCorrelationId(table: string): ConfigurationError {
  return new ConfigurationError(
    'correlationIdTables',
    `${table} has no column correlation_id that the user may read, so that nothing can be created in it exactly once`,
  );
}

/** Columns that were seen; per client, which stands for an instance. */
const shownColumns = new WeakMap<object, Set<string>>();

function shownTo(client: object): Set<string> {
  const shown = shownColumns.get(client) ?? new Set<string>();
  shownColumns.set(client, shown);
  return shown;
}

/**
 * The first of some columns that a table has not, or that the user may not read; undefined for none, and where no record shows it. An
 * instance may answer a condition on an unknown column with no record at all (docs/servicenow-contract.md 2.3): then any record of
 * the table shows it. Columns of other records (`caller_id.name`) may be missing and are not looked at.
 * @param ask sends a read
 * @param shown columns that were seen before, as `table.column` in lower case; those that are seen now are added
 * @throws what `ask` throws
 */
export async function unknownColumnOf(
  table: string,
  columns: readonly string[],
  ask: (request: ServiceNowRequest) => Promise<ServiceNowResponse>,
  shown: Set<string>,
): Promise<string | undefined> {
  const nameOf = (column: string) => `${table}.${column}`.toLowerCase();
  const left = columns.filter((column) => !column.includes('.') && !shown.has(nameOf(column)));
  if (left.length === 0) return undefined;
  const { body } = await ask(listRequest({ table, fields: ['sys_id', ...left], limit: 1, noCount: true }));
  const [any] = z.safeParse(rows, body).data?.result ?? [];
  if (any === undefined) return undefined;
  for (const column of left) if (any[column] !== undefined) shown.add(nameOf(column));
  return left.find((column) => any[column] === undefined);
}
