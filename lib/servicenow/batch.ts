import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import { systemClock } from '../core/clock.ts';
import { unexpectedShape } from './answers.ts';
import type {
  CallOptions,
  Repeatable,
  ServiceNowClient,
  ServiceNowRequest,
  ServiceNowResponse,
} from './call.ts';
import { classifyAnswer } from './classify/answer.ts';
import { lost } from './classify/failure.ts';
import { apiPath, buildRequest } from './requests.ts';
import { ServiceNowError } from './service-now-error.ts';

/** `POST /v1/batch`: as repeatable as the least repeatable of its items. */
export function batchRequest(items: readonly ServiceNowRequest[], batchId: string): ServiceNowRequest {
  const body = { batch_request_id: batchId, rest_requests: items.map(encodeItem) };
  return buildRequest('POST', apiPath('v1', 'batch'), weakest(items), {}, {}, body);
}

function encodeItem(item: ServiceNowRequest, index: number) {
  const search = item.query?.toString();
  const headers = { accept: 'application/json', 'content-type': 'application/json', ...item.headers };
  return {
    id: String(index),
    method: item.method,
    url: search ? `${item.path}?${search}` : item.path,
    headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
    ...(item.body === undefined ? {} : { body: toBase64(item.body) }),
  };
}

function toBase64(body: unknown): string {
  return Buffer.from(body instanceof Uint8Array ? body : JSON.stringify(body)).toString('base64');
}

function weakest(items: readonly ServiceNowRequest[]): Repeatable {
  if (items.some(({ repeatable }) => repeatable === 'never')) return 'never';
  return items.some(({ repeatable }) => repeatable === 'keyed') ? 'keyed' : 'read';
}

/**
 * The result of one item of a batch.
 * - `answered`: done, with the answer that a single call would have had.
 * - `failed`: with the error that a single call would have thrown; see its `effect`.
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

/**
 * Sends up to some 50 calls in one request (docs/servicenow-contract.md 6). The instance carries them out one after the
 * other, in the order given; it is no transaction. After a lost answer the batch is sent again only when each item may be.
 * @returns one outcome per item, in the order given
 * @throws ServiceNowError when the batch itself fails: if its `effect` is `unknown`, that is true of each item
 */
export async function sendBatch(
  client: ServiceNowClient,
  items: readonly ServiceNowRequest[],
  context?: CallOptions,
): Promise<readonly BatchOutcome[]> {
  if (items.length === 0) return [];
  const request = batchRequest(items, context?.correlationId ?? randomUUID());
  const response = await client.send(request, context);
  const parsed = batchAnswer.safeParse(response.body);
  if (!parsed.success) throw unexpectedShape(response, request);
  const { serviced_requests: answers, unserviced_requests: rest } = parsed.data;
  const answersById = new Map(readable(serviced, answers).map((answer) => [answer.id, answer]));
  const left = new Set(
    readable(unserviced, rest ?? []).map((entry) => (typeof entry === 'string' ? entry : entry.id)),
  );
  return items.map((item, index) => {
    const answer = answersById.get(String(index));
    if (answer) return outcomeOf(item, answer, response);
    // An earlier copy of the batch may have got further.
    if (left.has(String(index)) && !mayHaveRun(item, response)) return { kind: 'unserviced' };
    return {
      kind: 'failed',
      error: lost(item, undefined, 'the answer to the batch does not mention this item'),
    };
  });
}

/** An entry that cannot be read counts as missing, and affects no other. */
function readable<T>(schema: z.ZodMiniType<T>, entries: readonly unknown[]): readonly T[] {
  return entries.flatMap((entry) => {
    const parsed = z.safeParse(schema, entry);
    return parsed.success ? [parsed.data] : [];
  });
}

function outcomeOf(item: ServiceNowRequest, answer: Serviced, whole: ServiceNowResponse): BatchOutcome {
  const { attempts, transactionId } = whole;
  try {
    const accepted = classifyAnswer(item, toWire(answer, transactionId), systemClock.now());
    return {
      kind: 'answered',
      response: {
        ...accepted,
        attempts,
        ...(transactionId ? { transactionId } : {}),
        ...(mayHaveRun(item, whole) && { isRepeat: true }),
      },
    };
  } catch (error) {
    if (!(error instanceof ServiceNowError)) throw error;
    error.attempts = attempts;
    // As for a call of its own: an earlier copy may even have caused the refusal.
    if (mayHaveRun(item, whole)) error.effect = 'unknown';
    return { kind: 'failed', error };
  }
}

function mayHaveRun({ repeatable }: ServiceNowRequest, { isRepeat = false }: ServiceNowResponse): boolean {
  return isRepeat && repeatable !== 'read';
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
