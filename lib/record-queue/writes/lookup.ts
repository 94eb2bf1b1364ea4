import * as z from 'zod/mini';
import { mayHaveTakenEffect } from '../../core/errors.ts';
import type { ServiceNowRequest } from '../../servicenow/call.ts';
import { encodedQuery } from '../../servicenow/encoded-query.ts';
import { AccessDeniedError, InsertRefusedError, RecordNotFoundError } from '../../servicenow/errors.ts';
import { getRequest, listRequest } from '../../servicenow/records.ts';
import { ServiceNowError } from '../../servicenow/service-now-error.ts';
import type { WriteContext } from './attempt.ts';

/**
 * What an instance says about a record: `hidden` exists, but the user may not read it; `unknown` may be hidden too, as the
 * instance does not count for this user.
 */
export type Presence = 'visible' | 'hidden' | 'absent' | 'unknown';

const rows = z.object({ result: z.array(z.unknown()) });

/**
 * Asks for a record by its sys_id, and for how many there are when it is not shown: the total of a list is blind to access
 * controls (docs/servicenow-contract.md 1.4).
 * @throws ServiceNowError when the instance cannot be asked
 */
export async function findRecord(
  table: string,
  sysId: string,
  context: WriteContext,
  isReconciling = true,
): Promise<Presence> {
  if (await isShown(table, sysId, context, isReconciling)) return 'visible';
  return countRecord(table, sysId, context, isReconciling);
}

async function isShown(
  table: string,
  sysId: string,
  { send }: WriteContext,
  isReconciling: boolean,
): Promise<boolean> {
  const request = getRequest({ table, sysId, fields: ['sys_id'] });
  try {
    await send({ request, isReconciling });
    return true;
  } catch (error) {
    if (error instanceof RecordNotFoundError || error instanceof AccessDeniedError) return false;
    throw error;
  }
}

async function countRecord(
  table: string,
  sysId: string,
  { send }: WriteContext,
  isReconciling: boolean,
): Promise<Presence> {
  const query = encodedQuery().where('sys_id', '=', sysId);
  const request = listRequest({ table, query, fields: ['sys_id'], limit: 1 });
  try {
    const { body, headers } = await send({ request, isReconciling });
    const shown = z.safeParse(rows, body).data?.result.length ?? 0;
    if (shown > 0) return 'visible';
    const total = headers['x-total-count'];
    if (total === undefined) return 'unknown';
    return Number(total) > 0 ? 'hidden' : 'absent';
  } catch (error) {
    if (error instanceof RecordNotFoundError || error instanceof AccessDeniedError) return 'unknown';
    throw error;
  }
}

/**
 * True when the answer to a create means that the record was made, but the user may not read it: an instance then says 403
 * (docs/servicenow-contract.md 1.6).
 */
export function isReadBackDenial(error: ServiceNowError): boolean {
  return error.status === 403 && /insufficient rights to query records/i.test(error.message);
}

/**
 * Sends a create with its own sys_id once more: a second copy is refused only because of the first, which was not refused
 * itself. @returns true when the record exists now
 */
export async function isRefusedAsTaken(create: ServiceNowRequest, { send }: WriteContext): Promise<boolean> {
  try {
    await send({ request: create, isReconciling: true });
    return true;
  } catch (error) {
    if (error instanceof InsertRefusedError) return true;
    if (error instanceof ServiceNowError && !mayHaveTakenEffect(error) && error.isPermanent) return false;
    throw error;
  }
}
