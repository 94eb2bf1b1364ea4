import type { Answer } from '../http/exchange.ts';
import { htmlPage } from '../http/failure.ts';
import { jsonOf } from '../http/respond.ts';
import type { Zod } from '../lazy-schema.ts';
import { defineFault, type FaultKind } from './fault.ts';
import {
  errorAfterCommit,
  halfStored,
  lateCommit,
  latency,
  otherClient,
  resetAfterCommit,
  resetBeforeCommit,
  serverError,
  throttled,
} from './transaction-faults.ts';

// Faults of what stands in front of the instance, and of the bytes of an answer.

const none = (z: Zod) => z.strictObject({});
const bytes = (z: Zod) => z.number().int().nonnegative().default(10);

/** `{ status, json? | text?, headers?, afterCommit? }`: any answer, instead of the work or after it. */
const answerInstead = defineFault(
  'answer',
  (z) =>
    z.strictObject({
      status: z.number().int().min(200).max(599),
      headers: z.record(z.string(), z.string()).exactOptional(),
      json: z.unknown().optional(),
      /** In place of `json`: the body as it is. */
      text: z.string().optional(),
      /** The work is done first, and stays done. */
      afterCommit: z.boolean().default(false),
    }),
  ({ status, headers, json, text, afterCommit }) => {
    const body = text === undefined ? { json } : { bytes: Buffer.from(text) };
    const answer = { status, ...body, ...(headers && { headers }) };
    return afterCommit ? { after: () => answer } : { before: () => answer };
  },
);

/** 502 with HTML: the load balancer got no valid response from the node. */
const badGateway = defineFault('bad-gateway', none, () => ({
  edge: () => htmlPage(502, '502 Bad Gateway', 'The server returned an invalid or incomplete response.'),
}));

/** `{ retryAfterS? }`: 503 with HTML, as during a restart or an upgrade. */
const unavailable = defineFault(
  'unavailable',
  (z) => z.strictObject({ retryAfterS: z.number().int().nonnegative().optional() }),
  ({ retryAfterS }) => ({
    edge() {
      const page = htmlPage(503, '503 Service Unavailable', 'The instance is restarting.');
      if (retryAfterS === undefined) return page;
      return { ...page, headers: { ...page.headers, 'Retry-After': String(retryAfterS) } };
    },
  }),
);

/** The 200 with HTML that a hibernating developer instance gives on every URL, `/oauth_token.do` included. */
const hibernate = defineFault('hibernate', none, () => ({
  edge: () =>
    htmlPage(
      200,
      'Instance Hibernating page',
      'Your instance is hibernating. Sign in to the developer site to wake it.',
    ),
}));

/** `{ location?, status? }`: sent elsewhere, as by single sign-on in front of the instance. */
const redirect = defineFault(
  'redirect',
  (z) =>
    z.strictObject({
      location: z.string().default('/login_redirect.do?sysparm_stack=no'),
      status: z.number().int().min(300).max(399).default(302),
    }),
  ({ status, location }) => ({
    edge: () => ({ status, bare: true, headers: { Location: location, Connection: 'close' } }),
  }),
);

/** The bearer token of the request expires before it is checked: the 401 follows by itself. Basic calls pass. */
const expiredToken = defineFault('expired-token', none, () => ({
  edge(scene) {
    const [scheme, token] = (scene.headers.authorization ?? '').split(' ');
    if (scheme?.toLowerCase() === 'bearer' && token) scene.revokeToken(token);
    return undefined;
  },
}));

/**
 * `{ message?, detail? }`: the 200 of a list that ran into its quota, with the first half of the rows and an
 * `error` as well. A single record loses nothing but still carries the error.
 */
const errorInOk = defineFault(
  'error-in-ok',
  (z) =>
    z.strictObject({
      message: z.string().default('Transaction cancelled: maximum execution time exceeded'),
      detail: z
        .string()
        .default('Transaction cancelled: maximum execution time exceeded Check logs for error trace'),
    }),
  (error) => ({
    after: (answer) => ({ ...answer, status: 200, json: { ...halved(answer), error, status: 'failure' } }),
  }),
);

function halved(answer: Answer): { result: unknown } {
  const body = jsonOf(answer);
  const result = typeof body === 'object' && body !== null && 'result' in body ? body.result : [];
  return { result: Array.isArray(result) ? result.slice(0, Math.floor(result.length / 2)) : result };
}

/** `{ afterBytes? }`: the work is done; the answer arrives whole as HTTP, but its JSON stops early (KB0778443). */
const cutBody = defineFault(
  'cut-body',
  (z) => z.strictObject({ afterBytes: bytes(z) }),
  ({ afterBytes }) => ({
    after: ({ status, headers, ...body }) => ({
      status,
      headers: { 'Content-Type': 'application/json;charset=UTF-8', ...headers },
      bytes: written({ status, ...body }).subarray(0, afterBytes),
    }),
  }),
);

function written({ json, jsonBytes, bytes: whole }: Answer): Buffer {
  if (whole) return whole;
  return json === undefined ? Buffer.concat(jsonBytes ?? []) : Buffer.from(JSON.stringify(json));
}

/** `{ afterBytes? }`: the work is done; the connection is destroyed after so many bytes of a longer body. */
const truncate = defineFault(
  'truncate',
  (z) => z.strictObject({ afterBytes: bytes(z) }),
  (fault) => ({ delivery: { kind: 'truncate', ...fault } }),
);

/** `{ afterBytes?, stallMs? }`: the work is done; the body stops after so many bytes for `stallMs` (an hour). */
const stall = defineFault(
  'stall',
  (z) => z.strictObject({ afterBytes: bytes(z), stallMs: z.number().nonnegative().default(3_600_000) }),
  (fault) => ({ delivery: { kind: 'stall', ...fault } }),
);

/** Every kind of fault by the name that requests it. */
export const faultKinds: ReadonlyMap<string, FaultKind> = new Map(
  [
    answerInstead,
    badGateway,
    cutBody,
    errorAfterCommit,
    errorInOk,
    expiredToken,
    halfStored,
    hibernate,
    lateCommit,
    latency,
    otherClient,
    redirect,
    resetAfterCommit,
    resetBeforeCommit,
    serverError,
    stall,
    throttled,
    truncate,
    unavailable,
  ].map((kind) => [kind.name, kind]),
);
