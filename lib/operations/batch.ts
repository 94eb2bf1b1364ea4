import { STATUS_CODES } from 'node:http';
import * as z from 'zod/mini';
import type { ServiceNowResponse } from '../servicenow/call.ts';
import { defineOperation, type OperationDeps } from './define-operation.ts';
import { apiVersion } from './parameters.ts';

const id = z.pipe(z.union([z.string(), z.number()], 'required; text'), z.transform(String));
const header = z.object({ name: z.string(), value: z.pipe(z.unknown(), z.transform(String)) });

/** A list, or an object of names and values. */
const headers = z.pipe(
  z.transform((given: unknown) => {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return given;
    return Object.entries(given).map(([name, value]) => ({ name, value }));
  }),
  z.optional(z.nullable(z.array(header, 'must be a list of { name, value }'))),
);

const notBase64 = 'must be base64 text';
/** Its alphabets, with blanks and line ends: what does not fit would be left out when it is decoded. */
const base64 = /^[A-Za-z0-9+/_=\s-]*$/;

const part = z.looseObject(
  {
    id,
    method: z.pipe(
      z.nullable(z._default(z.string('must be text'), 'GET')),
      z.transform((method) => (method ?? 'GET').toUpperCase()),
    ),
    url: z.string('required; a path such as /api/now/table/incident'),
    headers: z.optional(headers),
    body: z.optional(z.nullable(z.string(notBase64).check(z.regex(base64, notBase64)))),
    exclude_response_headers: z.optional(z.nullable(z.union([z.boolean(), z.string()]))),
  },
  'must be a call: { id, method, url, … }',
);

type Part = z.output<typeof part>;

/**
 * Carries out several calls in one (docs/servicenow-contract.md 6). Each is checked and carried out like a call of its own, in the
 * order given; reads that follow each other run side by side. It is no transaction. Answers 200 with an answer per call; calls
 * that there was no time for are listed as unserviced.
 */
export const postBatch = defineOperation({
  name: 'postBatch',
  isKeyed: true,
  routes: [{ method: 'POST', path: '/batch' }],
  body: 'parameters',
  ignoresUnknown: true,
  schema: z.object({
    batchRequestId: z.optional(id),
    restRequests: z.array(part, 'required; a list of calls'),
    apiVersion,
  }),
  aliases: { batch_request_id: 'batchRequestId', rest_requests: 'restRequests' },
  async carryOut({ batchRequestId, restRequests }, deps) {
    const serviced = await carryOutAll(restRequests, deps);
    const unserviced = restRequests.slice(serviced.length).map((one) => one.id);
    const body = {
      ...(batchRequestId !== undefined && { batch_request_id: batchRequestId }),
      serviced_requests: withinSize(serviced, restRequests),
      unserviced_requests: unserviced,
    };
    return { status: 200, headers: {}, body, attempts: 1 } satisfies ServiceNowResponse;
  },
});

/** A call that starts later than this before the end would leave no time to report it. */
const leastMsLeft = 3_000;

async function carryOutAll(parts: readonly Part[], deps: OperationDeps) {
  const serviced: Serviced[] = [];
  while (serviced.length < parts.length && !deps.context.deadline.passed(leastMsLeft)) {
    const rest = parts.slice(serviced.length);
    const firstWrite = rest.findIndex(({ method }) => method !== 'GET');
    const together = rest.slice(
      0,
      firstWrite === 0 ? 1 : firstWrite === -1 ? maxTogether : Math.min(firstWrite, maxTogether),
    );
    serviced.push(...(await Promise.all(together.map((one) => carryOutOne(one, deps)))));
  }
  return serviced;
}

/** Reads that run side by side; the client limits what reaches the instance further. */
const maxTogether = 8;

type Serviced = {
  readonly id: string;
  readonly body: string;
  readonly status_code: number;
  readonly status_text: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Milliseconds. */
  readonly execution_time: number;
  readonly error_message?: string;
};

/** A header's name as instances spell it: clients of a batch look for it in that case. */
function asSpelt(name: string): string {
  const words = name.replace(/(?<![a-z])[a-z]/g, (letter) => letter.toUpperCase());
  return words.replace('Ratelimit', 'RateLimit').replace('Transaction-Id', 'Transaction-ID');
}

async function carryOutOne(one: Part, { dispatch, context }: OperationDeps): Promise<Serviced> {
  const before = context.deadline.remainingMs();
  const answer = await dispatch({
    method: one.method,
    url: one.url,
    headers: Object.fromEntries((one.headers ?? []).map(({ name, value }) => [name.toLowerCase(), value])),
    body: Buffer.from(one.body ?? '', 'base64'),
  });
  const headers = Object.entries(answer.headers).map(([name, value]) => ({ name: asSpelt(name), value }));
  return {
    id: one.id,
    body: Buffer.from(answer.body).toString('base64'),
    status_code: answer.status,
    status_text: STATUS_CODES[answer.status] ?? '',
    execution_time: Math.max(0, Math.round(before - context.deadline.remainingMs())),
    headers: String(one.exclude_response_headers).toLowerCase() === 'true' ? [] : headers,
  };
}

/** What the bodies of all answers may have together, so that Lambda can return the whole (6 MB). */
const maxBodies = 5.5 * 1024 * 1024;

/** Leaves out the bodies that do not fit: what a write did stays reported, a read is answered with 413. */
function withinSize(serviced: readonly Serviced[], parts: readonly Part[]): readonly Serviced[] {
  let size = 0;
  return serviced.map((one, index) => {
    size += one.body.length;
    if (size <= maxBodies) return one;
    size -= one.body.length;
    const error_message = 'The answers of this batch exceed 6 MB in total; send fewer calls in one batch';
    const isRead = parts[index]?.method === 'GET';
    return {
      ...one,
      body: '',
      error_message,
      ...(isRead && { status_code: 413, status_text: 'Payload Too Large' }),
    };
  });
}
