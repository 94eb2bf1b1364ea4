import * as z from 'zod/mini';
import { systemClock } from '../core/clock.ts';
import { judge, lost } from './classify/judge.ts';
import { ServiceNowError } from './errors.ts';
import type {
  CallContext,
  Repeatable,
  ServiceNowClient,
  ServiceNowRequest,
  ServiceNowResponse,
} from './request.ts';
import { unexpectedShape } from './result.ts';

/**
 * What became of one item of a batch.
 * - `answered`: done, with the answer a single call would have had.
 * - `failed`: with the error a single call would have thrown; see its `effect`.
 * - `unserviced`: the batch ran out of its 30 s or its limits before this item; nothing was done, send it again.
 */
export type BatchOutcome =
  | { readonly kind: 'answered'; readonly response: ServiceNowResponse }
  | { readonly kind: 'failed'; readonly error: ServiceNowError }
  | { readonly kind: 'unserviced' };

const id = z.pipe(z.union([z.string(), z.number()]), z.transform(String));
const header = z.object({ name: z.string(), value: z.unknown() });
const serviced = z.looseObject({
  id,
  status_code: z.number(),
  body: z.optional(z.nullable(z.string())),
  headers: z.optional(z.nullable(z.array(header))),
});
const unserviced = z.union([id, z.looseObject({ id })]);
const batchAnswer = z.object({
  serviced_requests: z.array(z.unknown()),
  unserviced_requests: z.optional(z.nullable(z.array(z.unknown()))),
});
type Serviced = z.infer<typeof serviced>;

const path = '/api/now/v1/batch';

/**
 * Sends up to some 50 calls in one request (contract 6). They are carried out one after the other, in the order given; it
 * is no transaction. The batch as a whole is sent again after a lost answer only when each item may be.
 * @returns one outcome per item, in the order given
 * @throws ServiceNowError when the batch itself fails: then nothing is known of its items if `effect` is `unknown`
 */
export async function sendBatch(
  client: ServiceNowClient,
  items: readonly ServiceNowRequest[],
  context: CallContext,
): Promise<readonly BatchOutcome[]> {
  if (items.length === 0) return [];
  const body = { batch_request_id: context.correlationId, rest_requests: items.map(encodeItem) };
  const response = await client.send({ method: 'POST', path, body, repeatable: weakest(items) }, context);
  const parsed = batchAnswer.safeParse(response.body);
  if (!parsed.success) throw unexpectedShape(response, 'POST', path);
  const { serviced_requests: answers, unserviced_requests: rest } = parsed.data;
  const answersById = new Map(readable(serviced, answers).map((answer) => [answer.id, answer]));
  const left = readable(unserviced, rest ?? []).map((entry) =>
    typeof entry === 'string' ? entry : entry.id,
  );
  return items.map((item, index) => {
    const answer = answersById.get(String(index));
    if (answer) return outcomeOf(item, answer, response);
    if (left.includes(String(index))) return { kind: 'unserviced' };
    return {
      kind: 'failed',
      error: lost(item, undefined, 'the batch answered without a word about this item'),
    };
  });
}

/** What cannot be read of the answer is without a word about its item, and touches no other. */
function readable<T>(schema: z.ZodMiniType<T>, entries: readonly unknown[]): readonly T[] {
  return entries.flatMap((entry) => {
    const parsed = z.safeParse(schema, entry);
    return parsed.success ? [parsed.data] : [];
  });
}

function encodeItem(item: ServiceNowRequest, index: number) {
  const search = item.query?.toString();
  const headers = { accept: 'application/json', 'content-type': 'application/json', ...item.headers };
  return {
    id: String(index),
    method: item.method,
    url: search ? `${item.path}?${search}` : item.path,
    headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
    ...(item.body === undefined ? {} : { body: Buffer.from(JSON.stringify(item.body)).toString('base64') }),
  };
}

function outcomeOf(item: ServiceNowRequest, answer: Serviced, whole: ServiceNowResponse): BatchOutcome {
  const { attempts, transactionId } = whole;
  try {
    const judged = judge(item, toWire(answer, transactionId), systemClock.now());
    return {
      kind: 'answered',
      response: { ...judged, attempts, ...(transactionId ? { transactionId } : {}) },
    };
  } catch (error) {
    if (error instanceof ServiceNowError) return { kind: 'failed', error };
    throw error;
  }
}

/** An item's answer may come without headers; its body is JSON all the same, and ServiceNow's as the batch's own was. */
function toWire(answer: Serviced, transactionId: string | undefined) {
  const given = Object.fromEntries(
    (answer.headers ?? []).map(({ name, value }) => [name.toLowerCase(), String(value)]),
  );
  const headers = {
    'content-type': 'application/json',
    'x-is-logged-in': 'true',
    ...(transactionId ? { 'x-transaction-id': transactionId } : {}),
    ...given,
  };
  return { status: answer.status_code, headers, body: Buffer.from(answer.body ?? '', 'base64') };
}

function weakest(items: readonly ServiceNowRequest[]): Repeatable {
  if (items.some((item) => item.repeatable === 'never')) return 'never';
  return items.some((item) => item.repeatable === 'keyed') ? 'keyed' : 'idempotent';
}
