import * as z from 'zod/mini';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { encodedQuery, instanceTime } from '../servicenow/encoded-query.ts';
import { listRequest } from '../servicenow/records.ts';
import { skewMs } from './note-entries.ts';

const rows = z.object({ result: z.array(z.object({ correlation_id: z.string() })) });

/**
 * True when an instance has made a record of this table under another sys_id than it was asked for, and records of the table can be
 * known by their `correlation_id`. False when a rule has led the insert to a record that was there before, or to another table.
 * @param made its sys_id
 * @param nowMs milliseconds since the Unix epoch, right after the answer
 */
export async function isSysIdIgnored(
  table: string,
  made: string,
  nowMs: number,
  send: (request: ServiceNowRequest) => Promise<ServiceNowResponse>,
): Promise<boolean> {
  const query = encodedQuery()
    .where('sys_id', '=', made)
    .where('sys_created_on', '>=', instanceTime(nowMs - longestCallMs - skewMs));
  const request = listRequest({ table, query, fields: ['sys_id', 'correlation_id'], limit: 1 });
  try {
    return z.safeParse(rows, (await send(request)).body).data?.result.length === 1;
  } catch {
    // Where it cannot be asked, the safer assumption.
    return true;
  }
}

/** An instance works no longer on one call. */
const longestCallMs = 60_000;
