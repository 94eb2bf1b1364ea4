import * as z from 'zod/mini';
import type { ServiceNowRequest, ServiceNowResponse } from '../servicenow/call.ts';
import type { OperationDeps } from './define-operation.ts';
import { type KeyedTarget, nameOf, writesOf } from './keyed-target.ts';
import { type Keyed, writeOnce } from './keyed-writes.ts';

const rowVerdict = z.looseObject({
  transform_map: z.optional(z.unknown()),
  table: z.optional(z.unknown()),
  status: z.optional(z.unknown()),
  sys_id: z.optional(z.unknown()),
});
const rowAnswer = z.object({
  import_set: z.string(),
  staging_table: z.string(),
  result: z.array(rowVerdict),
});
const setAnswer = z.object({ import_set_id: z.unknown(), multi_import_set_id: z.optional(z.unknown()) });

/** Imports rows once per key. A repeat answers 200 with the ids and verdicts of the first time, without contents of records. */
export function importKeyed(
  request: ServiceNowRequest,
  target: KeyedTarget,
  deps: OperationDeps,
): Promise<ServiceNowResponse> {
  const { digest, keyedWrites } = writesOf(request, target, 'import', undefined, deps);
  const keyed: Keyed<ServiceNowResponse> = {
    name: nameOf(target, deps),
    digest,
    async send() {
      const answer = await deps.client.send(request, deps.context);
      return { answer, target: rememberable(idsOf(answer.body)) };
    },
    async replay(ids) {
      const headers = { 'idempotency-replayed': 'true' };
      return { status: 200, headers, body: JSON.parse(ids), attempts: 1 };
    },
    // The rows of a lost import cannot be distinguished from equal rows of another import.
    reconcile: async () => 'unknown',
  };
  return writeOnce(keyed, { ...deps, keyedWrites });
}

/** An item of the state table holds 400 KB: of an import with more verdicts the ids of its set are remembered. */
const longestAnswer = 200_000;

function rememberable(answer: object): string {
  const whole = JSON.stringify(answer);
  if (Buffer.byteLength(whole) <= longestAnswer) return whole;
  return JSON.stringify({ ...answer, result: undefined });
}

function idsOf(body: unknown): object {
  const row = z.safeParse(rowAnswer, body);
  if (row.success)
    return {
      ...row.data,
      result: row.data.result.map(({ transform_map, table, status, sys_id }) => ({
        transform_map,
        table,
        status,
        sys_id,
      })),
    };
  return z.safeParse(setAnswer, body).data ?? { result: null };
}
