import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import { mayHaveTakenEffect } from '../core/errors.ts';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { AccessDeniedError, RecordNotFoundError } from '../servicenow/errors.ts';
import { getRequest } from '../servicenow/records.ts';
import type { OperationDeps } from './define-operation.ts';
import { refuseUntil } from './write-ledger.ts';

const row = z.object({
  result: z.object({
    correlation_id: z._default(z.string(), ''),
    sys_created_on: z._default(z.string(), ''),
    number: z._default(z.string(), ''),
  }),
});

const shownFields = ['sys_id', 'correlation_id', 'sys_created_on', 'number'];

/** How long a delete waits for a create of its record that may be running. */
const createWaitMs = 5_000;

/**
 * Deletes a record and remembers that, so that no copy of its create or upsert that comes later makes it again. As in the records
 * queue, the record is looked for first: what is not seen is not remembered as deleted, and the instance decides.
 * @throws RecordInDoubtError while a copy of its create may be running; what the delete failed with
 */
export async function deleteRemembered(
  request: ServiceNowRequest,
  { table, sysId, key }: { readonly table: string; readonly sysId: string; readonly key?: string },
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const { client, clock, context, inDoubtMs, ledger } = deps;
  if (!ledger) return client.send(request, context);
  const { records } = ledger;
  // The instance has answered: what cannot be remembered of that is the same as after a death, and is no refusal.
  const end = () => records.endDelete(sysId).catch(() => undefined);
  const under = key === undefined ? '' : ledger.nameOf(table, key);
  // Other writes wait until the instance can no longer be working on it: what they write would be deleted with the record.
  const doubt = (error: unknown) =>
    mayHaveTakenEffect(error)
      ? records.markInDoubt(sysId, clock.now() + inDoubtMs, under).catch(() => undefined)
      : undefined;
  const seen = await look(table, sysId, deps);
  if (seen === undefined) {
    const response = await client.send(request, context).catch(async (error: unknown) => {
      await doubt(error);
      throw error;
    });
    await end();
    return response;
  }
  const by = randomUUID();
  const untilMs = context.deadline.atMs + inDoubtMs;
  const begun = await records.beginDelete(sysId, {
    by,
    under,
    untilMs,
    createdOn: seen.sys_created_on,
    number: seen.number,
  });
  if (begun === 'refused') refuseUntil(clock.now() + createWaitMs, clock);
  // A create whose sys_id the instance chose is known by this only.
  if (seen.correlation_id !== '') await records.markDeletedAs(seen.correlation_id);
  try {
    const response = await client.send(request, context);
    await end();
    return response;
  } catch (error) {
    await doubt(error);
    if (begun === 'first' && !mayHaveTakenEffect(error))
      await records.abandonDelete(sysId, by).catch(() => undefined);
    throw error;
  }
}

/** What distinguishes the record from others; undefined when it is not shown. */
async function look(table: string, sysId: string, { client, context }: OperationDeps) {
  const request = getRequest({ table, sysId, fields: shownFields });
  try {
    const { body } = await client.send(request, context);
    return z.safeParse(row, body).data?.result ?? { correlation_id: '', sys_created_on: '', number: '' };
  } catch (error) {
    if (error instanceof RecordNotFoundError || error instanceof AccessDeniedError) return undefined;
    throw error;
  }
}
