import * as z from 'zod/mini';
import { ConfigurationError, ConnectorError } from '../core/errors.ts';
import { encodedQuery } from '../servicenow/encoded-query.ts';
import { AccessDeniedError, RecordNotFoundError } from '../servicenow/errors.ts';
import { listRequest } from '../servicenow/records.ts';
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
    throw new ConfigurationError(
      'correlationIdTables',
      `${table} has no column correlation_id that the user may read, so that nothing can be created in it exactly once`,
    );
  const own = result.find((row) => row[column] === value);
  if (typeof own?.['sys_id'] === 'string') return { kind: 'visible', sysId: own['sys_id'] };
  const total = response.headers['x-total-count'];
  if (total === undefined) return { kind: result.length > 0 ? 'absent' : 'unknown' };
  return { kind: Number(total) > result.length ? 'hidden' : 'absent' };
}
