import type * as z from 'zod';
import { type Answer, type Exchange, isTrue } from '../http/exchange.ts';
import { answerOf, Failure, noSuchResource } from '../http/failure.ts';
import { noCaching, render, wantsXml } from '../http/respond.ts';
import { lazySchema } from '../lazy-schema.ts';
import type { InstanceState } from '../state.ts';
import { answerAfter, answerBefore, edgeAnswer, rowsStored, sceneOf } from './fault-scene.ts';
import { negotiated, parseApiPath, type Route } from './router.ts';

const id = lazySchema((z) => z.union([z.string(), z.number()]).transform(String));

const item = lazySchema((z) =>
  z.object({
    id: id(),
    method: z.string().transform((method) => method.toUpperCase()),
    url: z.string(),
    headers: z.array(z.object({ name: z.string(), value: z.coerce.string() })).default([]),
    /** Base64 of whatever the item sends. */
    body: z.string().nullish(),
    exclude_response_headers: z.union([z.boolean(), z.string().transform(isTrue)]).default(false),
  }),
);

const batch = lazySchema((z) =>
  z.object({ batch_request_id: id().default(''), rest_requests: z.array(item()) }),
);

export type BatchItem = z.infer<ReturnType<typeof item>>;
export type BatchRequest = z.infer<ReturnType<typeof batch>>;

/** @throws Failure 400 when the body is no JSON, or not that of a batch. */
export function readBatch(exchange: Exchange): BatchRequest {
  const { success, data, error } = batch().safeParse(parse(exchange.body));
  if (success) return data;
  const [issue] = error.issues;
  throw unreadable(issue ? `${issue.path.join('.')}: ${issue.message}` : error.message);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw unreadable(cause instanceof Error ? cause.message : String(cause));
  }
}

const unreadable = (detail: string) => new Failure(400, 'Exception while reading request', detail);

// As in http/server.ts: an import would load undici too.
const { STATUS_CODES } = process.getBuiltinModule('node:http');

type ServicedRequest = {
  readonly id: string;
  readonly body: string;
  readonly status_code: number;
  readonly status_text: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Milliseconds. */
  readonly execution_time: number;
};

/**
 * POST /batch: runs the items one after another, as the caller, with no transaction around them. From the item on
 * that breaks a limit (its body, its answer, or the time of all together) nothing more is serviced; the ids left
 * are listed, and the outer status is still 200.
 */
export async function runBatch(exchange: Exchange, state: InstanceState): Promise<Answer> {
  const request = readBatch(exchange);
  const startedMs = state.clock.now();
  const serviced: ServicedRequest[] = [];
  for (const item of request.rest_requests) {
    if (state.clock.now() - startedMs >= timeLimitMs(state)) break;
    const answered = await runItem(item, exchange, state);
    if (!answered) break;
    serviced.push(answered);
  }
  const unserviced = request.rest_requests.slice(serviced.length).map(({ id }) => id);
  return {
    status: 200,
    json: {
      batch_request_id: request.batch_request_id,
      serviced_requests: serviced,
      unserviced_requests: unserviced,
    },
  };
}

/** @returns undefined when the item breaks a limit; what an item with too long an answer did stays done. */
async function runItem(
  item: BatchItem,
  outer: Exchange,
  state: InstanceState,
): Promise<ServicedRequest | undefined> {
  const body = Buffer.from(item.body ?? '', 'base64');
  if (body.length > state.switches.batchMaxInputBytes) return undefined;
  const startedMs = state.clock.now();
  const inner = toExchange(item, body, outer);
  const answer = inner ? await dispatchItem(inner, state) : noSuchResource().toAnswer();
  const { bytes, type } = render(answer, inner !== undefined && wantsXml(inner));
  if (bytes.length > maxOutputBytes(outer, state)) return undefined;
  const sent = item.method === 'HEAD' ? Buffer.alloc(0) : bytes;
  return {
    id: item.id,
    body: sent.toString('base64'),
    status_code: answer.status,
    status_text: STATUS_CODES[answer.status] ?? '',
    headers: item.exclude_response_headers ? [] : headersOf(answer, sent, type),
    execution_time: state.clock.now() - startedMs,
  };
}

/** Faults meet an item as they meet a request; one that breaks the connection breaks that of the batch. */
async function dispatchItem(item: Exchange, state: InstanceState): Promise<Answer> {
  const faults = state.control.faults.pick(item.method, item.url.pathname, true);
  if (faults.length === 0) return state.dispatch(item);
  for (const fault of faults) state.ledger.current?.faults.push(fault.name);
  const scene = sceneOf(item, state);
  if (faults.some(({ effect }) => effect.delivery)) scene.cut();
  const answer =
    edgeAnswer(faults, scene) ??
    (await answerOf(async () => {
      const before = await answerBefore(faults, scene);
      return before ?? state.dispatch({ ...item, storesRows: rowsStored(faults) });
    }));
  return answerAfter(faults, scene, answer);
}

/** @returns undefined for a URL that leads nowhere below `/api/now`. */
function toExchange(item: BatchItem, body: Buffer, outer: Exchange): Exchange | undefined {
  const url = URL.parse(item.url, outer.url.origin);
  const path = url ? parseApiPath(item.url.startsWith('/') ? item.url : url.pathname) : undefined;
  if (!url || !path) return undefined;
  const headers = Object.fromEntries(item.headers.map(({ name, value }) => [name.toLowerCase(), value]));
  return {
    method: item.method,
    ...path,
    url,
    headers,
    body,
    user: outer.user,
    transaction: outer.transaction,
  };
}

function headersOf(answer: Answer, bytes: Buffer, type: string | undefined): ServicedRequest['headers'] {
  const content = {
    ...noCaching,
    'Content-Length': String(bytes.length),
    ...(type !== undefined && { 'Content-Type': type }),
  };
  const all = { ...(bytes.length > 0 && content), ...answer.headers };
  return Object.entries(all).map(([name, value]) => ({ name, value }));
}

function timeLimitMs({ switches: { batchTimeLimitMs, transactionQuotaMs } }: InstanceState): number {
  return transactionQuotaMs === 0 ? batchTimeLimitMs : Math.min(batchTimeLimitMs, transactionQuotaMs);
}

/** The header can only lower what the instance allows. */
function maxOutputBytes({ headers }: Exchange, { switches }: InstanceState): number {
  const asked = Number(headers['x-batchrequest-max-output-size'] ?? Number.NaN);
  return asked > 0 ? Math.min(asked, switches.batchMaxOutputBytes) : switches.batchMaxOutputBytes;
}

export const batchRoutes: readonly Route[] = [
  { path: 'batch', methods: { POST: negotiated(runBatch, 'json') } },
];
