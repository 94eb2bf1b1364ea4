import type { Answer } from '../http/exchange.ts';
import type { Zod } from '../lazy-schema.ts';
import { defineFault } from './fault.ts';

// Faults of the transaction behind a request: whether, when and how much of it is done, and whether its caller knows.

const none = (z: Zod) => z.strictObject({});

/**
 * `{ retryAfterS?, rateLimitHeaders? }`: a 429, bare as from a full semaphore unless `retryAfterS` is given;
 * with `rateLimitHeaders` as from a rate-limit rule.
 */
export const throttled = defineFault(
  'throttled',
  (z) =>
    z.strictObject({
      retryAfterS: z.number().int().nonnegative().optional(),
      rateLimitHeaders: z.boolean().default(false),
    }),
  ({ retryAfterS, rateLimitHeaders }) => ({
    before: ({ nowMs }) => ({
      status: 429,
      headers: {
        ...(rateLimitHeaders && rateLimitOf(nowMs, retryAfterS ?? 0)),
        ...(retryAfterS !== undefined && { 'Retry-After': String(retryAfterS) }),
      },
    }),
  }),
);

const rateLimitOf = (nowMs: number, retryAfterS: number) => ({
  'X-RateLimit-Limit': '100',
  'X-RateLimit-Reset': String(Math.floor(nowMs / 1000) + retryAfterS),
  'X-RateLimit-Rule': '0'.repeat(32),
});

/** `{ latencyMs }`: the work takes this much longer, and holds its place in the semaphore meanwhile. */
export const latency = defineFault(
  'latency',
  (z) => z.strictObject({ latencyMs: z.number().nonnegative() }),
  ({ latencyMs }) => ({
    async before(scene) {
      await scene.wait(latencyMs);
      return undefined;
    },
  }),
);

/**
 * `{ delayMs?, maxDelayMs?, cut? }`: the transaction goes on after its caller has gone. The connection is cut at once
 * (with `cut: false` the caller is left to time out), and the work is done and committed `delayMs` later, or at a
 * moment between `delayMs` and `maxDelayMs` that the seed decides. The transaction quota still ends it.
 */
export const lateCommit = defineFault(
  'late-commit',
  (z) =>
    z.strictObject({
      delayMs: z.number().nonnegative().default(200),
      maxDelayMs: z.number().nonnegative().optional(),
      cut: z.boolean().default(true),
    }),
  ({ delayMs, maxDelayMs = delayMs, cut }, random) => ({
    async before(scene) {
      if (cut) scene.cut();
      await scene.wait(delayMs + random() * Math.max(0, maxDelayMs - delayMs));
      return undefined;
    },
  }),
);

/** The connection is reset before the instance did anything. */
export const resetBeforeCommit = defineFault('reset-before-commit', none, () => ({
  // The status is never seen: nothing of the answer is delivered.
  edge: () => ({ status: 500, bare: true }),
  delivery: { kind: 'reset' },
}));

/** The work is done and stays done, and the connection is reset instead of an answer. */
export const resetAfterCommit = defineFault('reset-after-commit', none, () => ({
  delivery: { kind: 'reset' },
}));

const internalError: Answer = {
  status: 500,
  json: {
    error: {
      message: 'Transaction cancelled',
      detail:
        'Check logs for error trace or enable glide.rest.debug property to verify REST request processing',
    },
    status: 'failure',
  },
};

/** 500 before the work is done. */
export const serverError = defineFault('server-error', none, () => ({ before: () => internalError }));

/** The work is done and stays done, and the answer is 500. */
export const errorAfterCommit = defineFault('error-after-commit', none, () => ({
  after: () => internalError,
}));

/**
 * `{ rows? | fraction?, answer? }`: insertMultiple is interrupted in its middle. The first `rows` (or the `fraction`, half
 * by default) of its rows are stored, pending in a set that stays in state `loading`; the caller gets a 500
 * (`answer: 'error'`) or no answer at all (`answer: 'reset'`).
 */
export const halfStored = defineFault(
  'half-stored',
  (z) =>
    z.strictObject({
      rows: z.number().int().nonnegative().optional(),
      fraction: z.number().min(0).max(1).default(0.5),
      answer: z.enum(['error', 'reset']).default('error'),
    }),
  ({ rows, fraction, answer }) => ({
    storesRows: (total) => Math.min(total, rows ?? Math.floor(total * fraction)),
    after: () => internalError,
    ...(answer === 'reset' && { delivery: { kind: 'reset' } as const }),
  }),
);

/**
 * `{ rows?, when?, userName? }`: another client stores an import set of its own in the same staging table, just
 * before or after this request. `rows` are the `same` as the request's, `alike` (the first and the last are the same,
 * the others differ) or `fewer` (without the last). Without `userName` the other client is `other.client`.
 */
export const otherClient = defineFault(
  'other-client',
  (z) =>
    z.strictObject({
      rows: z.enum(['same', 'alike', 'fewer']).default('alike'),
      when: z.enum(['before', 'after']).default('before'),
      userName: z.string().default('other.client'),
    }),
  ({ rows, when, userName }) =>
    when === 'before'
      ? {
          async before(scene) {
            await scene.importByAnother(rows, userName);
            return undefined;
          },
        }
      : {
          async after(answer, scene) {
            await scene.importByAnother(rows, userName);
            return answer;
          },
        },
);
