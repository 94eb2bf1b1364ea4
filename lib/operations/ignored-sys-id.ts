import * as z from 'zod/mini';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import { encodedQuery, instanceTime } from '../servicenow/encoded-query.ts';
import { RecordNotFoundError } from '../servicenow/errors.ts';
import { getRequest, listRequest } from '../servicenow/records.ts';
import { skewMs } from './note-entries.ts';

const row = z.object({ correlation_id: z.optional(z.string()), sys_created_on: z.optional(z.string()) });
const rows = z.object({ result: z.array(row) });
const oneRow = z.object({ result: row });
const fields = ['sys_id', 'correlation_id', 'sys_created_on'];

type Send = (request: ServiceNowRequest) => Promise<ServiceNowResponse>;

/** What a record that was made under another sys_id than its create asked for says of its table. */
export type Ignored = {
  /** False when a rule has led the insert to a record that was there before, or to another table. */
  readonly isIgnored: boolean;
  /** False when records of the table cannot be known by that column. */
  readonly hasCorrelationId: boolean;
};

/**
 * Looks at such a record. Where it cannot be seen, the safer assumption is made: that the table ignores a given sys_id.
 * @param made its sys_id
 * @param nowMs milliseconds since the Unix epoch, right after the answer
 */
export async function lookWhetherIgnored(
  table: string,
  made: string,
  nowMs: number,
  send: Send,
): Promise<Ignored> {
  try {
    const query = encodedQuery().where('sys_id', '=', made);
    const { body, headers } = await send(listRequest({ table, query, fields, limit: 1 }));
    const [listed] = z.safeParse(rows, body).data?.result ?? [];
    // The total counts what the user may not read; a list may lag behind what was just made.
    if (!listed && Number(headers['x-total-count'] ?? 0) > 0) return unseen;
    const found = listed ?? (await read(table, made, send));
    // The clock of the instance may be behind ours.
    const instanceMs = Math.min(nowMs, Date.parse(headers['date'] ?? '') || nowMs);
    const isOlder = found?.sys_created_on && found.sys_created_on < instanceTime(instanceMs - oldestMs);
    return { isIgnored: !isOlder, hasCorrelationId: found?.correlation_id !== undefined };
  } catch (error) {
    if (error instanceof RecordNotFoundError) return { isIgnored: false, hasCorrelationId: false };
    return unseen;
  }
}

const unseen: Ignored = { isIgnored: true, hasCorrelationId: true };

async function read(table: string, sysId: string, send: Send) {
  return z.safeParse(oneRow, (await send(getRequest({ table, sysId, fields }))).body).data?.result;
}

/** An instance works no longer than a minute on one call. */
const oldestMs = 60_000 + skewMs;
