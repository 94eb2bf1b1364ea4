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

/**
 * `POST /v1/batch`: as repeatable as the least repeatable of its items.
 * @param idOf the id of an item by its place
 */
export function batchRequest(
  items: readonly ServiceNowRequest[],
  batchId: string,
  idOf: (index: number) => string = String,
): ServiceNowRequest {
  const rest_requests = items.map((item, index) => encodeItem(item, idOf(index)));
  const body = { batch_request_id: batchId, rest_requests };
  return buildRequest('POST', apiPath('v1', 'batch'), weakest(items), {}, {}, body);
}

function encodeItem(item: ServiceNowRequest, id: string) {
  const search = item.query?.toString();
  const headers = { accept: 'application/json', 'content-type': 'application/json', ...item.headers };
  return {
    id,
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
  // No id of another batch, and no number that an instance may give its entries itself.
  const batch = randomUUID();
  const idOf = (index: number) => `${batch.slice(0, 8)}-${index}`;
  const request = batchRequest(items, context?.correlationId ?? batch, idOf);
  const response = await client.send(request, context);
  const parsed = batchAnswer.safeParse(response.body);
  if (!parsed.success) throw unexpectedShape(response, request);
  const mentions = mentionsIn(parsed.data);
  return items.map((item, index) => {
    const [mention, ...more] = mentions.get(idOf(index)) ?? [];
    // Of an item that is mentioned twice no word counts.
    if (more.length === 0) {
      if (typeof mention === 'object') return outcomeOf(item, mention, response);
      // An earlier copy of the batch may have got further.
      if (mention === 'unserviced' && !mayHaveRun(item, response)) return { kind: 'unserviced' };
    }
    return {
      kind: 'failed',
      error: lost(item, undefined, 'the answer to the batch does not say what came of this item'),
    };
  });
}

type Mention = Serviced | 'unserviced' | 'unreadable';

/** What the answer says of each item, by its id. An entry that cannot be read affects no other. */
function mentionsIn({ serviced_requests: answers, unserviced_requests: rest }: z.infer<typeof batchAnswer>) {
  const mentions = new Map<string, Mention[]>();
  const add = (entry: unknown, mention: Mention) => {
    const named = z.safeParse(unserviced, entry).data;
    const name = typeof named === 'object' ? named.id : named;
    if (name !== undefined) mentions.set(name, [...(mentions.get(name) ?? []), mention]);
  };
  for (const answer of answers) add(answer, z.safeParse(serviced, answer).data ?? 'unreadable');
  for (const entry of rest ?? []) add(entry, 'unserviced');
  return mentions;
}

function outcomeOf(item: ServiceNowRequest, answer: Serviced, whole: ServiceNowResponse): BatchOutcome {
  const { attempts, transactionId } = whole;
  try {
    const accepted = classifyAnswer(item, toWire(answer, whole), systemClock.now());
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
function toWire(answer: Serviced, { headers: { date }, transactionId }: ServiceNowResponse) {
  const given = Object.fromEntries(
    (answer.headers ?? []).map(({ name, value }) => [name.toLowerCase(), String(value)]),
  );
  const headers = {
    'content-type': 'application/json',
    'x-is-logged-in': 'true',
    ...(transactionId ? { 'x-transaction-id': transactionId } : {}),
    ...(date ? { date } : {}),
    ...given,
  };
  return { status: answer.status_code, headers, body: Buffer.from(answer.body ?? '', 'base64') };
}
