import type { Deadline } from '../core/clock.ts';
import { DeadlineExceededError } from '../core/errors.ts';
import { sendBatch } from '../servicenow/batch.ts';
import type {
  CallContext,
  ServiceNowClient,
  ServiceNowRequest,
  ServiceNowResponse,
} from '../servicenow/call.ts';
import { ServiceNowError } from '../servicenow/service-now-error.ts';
import { NotSentError, outageIn } from './disposition.ts';

/** One call that the work on a message needs next. */
export type Call = {
  readonly request: ServiceNowRequest;
  /** True when it finds out what an earlier call did; it may then use time that is kept back for that. */
  readonly isReconciling?: boolean;
};

/** What a call came to: an answer, or the error that a single call would have thrown. */
export type CallResult =
  | { readonly kind: 'answered'; readonly response: ServiceNowResponse }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Sends calls to an instance. */
export type Sender = {
  /** One result per call, in the order given; never throws for what a call came to. */
  send(calls: readonly Call[], context: CallContext): Promise<readonly CallResult[]>;
};

export type ExecutorOptions = {
  readonly sender: Sender;
  /** No new work starts after this, and calls in flight are aborted. */
  readonly workUntil: Deadline;
  /** The same for calls that are reconciling. */
  readonly reconcileUntil: Deadline;
  readonly correlationId: string;
  /** Requests in flight at most; what becomes due meanwhile travels together in the next one. */
  readonly maxInFlight: number;
};

/** Less time than this is not worth starting a call in. */
const shortestCallMs = 250;

/**
 * Sends the calls that are due at the same time together. No message waits for calls of another request: each goes on
 * as soon as its own answer is there.
 */
export class BatchExecutor {
  readonly #options: ExecutorOptions;
  #due: Due[] = [];
  #inFlight = 0;
  /** Set once a call met an outage: the next one would meet it too. */
  #outage: ServiceNowError | undefined;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /** @throws what a single call would have thrown; DeadlineExceededError when it was not sent for lack of time */
  async send(call: Call): Promise<ServiceNowResponse> {
    const { promise, resolve } = Promise.withResolvers<CallResult>();
    if (this.#due.length === 0) setImmediate(() => this.#startDue());
    this.#due.push({ call, resolve });
    const result = await promise;
    if (result.kind === 'answered') return result.response;
    throw result.error;
  }

  #startDue(): void {
    const groups = groupIntoBatches(this.#due);
    const started = groups.slice(0, Math.max(0, this.#options.maxInFlight - this.#inFlight));
    this.#due = groups.slice(started.length).flat();
    for (const group of started) void this.#run(group);
  }

  async #run(group: readonly Due[]): Promise<void> {
    this.#inFlight += 1;
    const results = await this.#take(group.map(({ call }) => call));
    this.#inFlight -= 1;
    for (const result of results) if (result.kind === 'failed') this.#outage ??= outageIn(result.error);
    for (const [index, { resolve }] of group.entries()) resolve(results[index] ?? unanswered);
    if (this.#due.length > 0) setImmediate(() => this.#startDue());
  }

  async #take(calls: readonly Call[]): Promise<readonly CallResult[]> {
    const { sender, workUntil, reconcileUntil, correlationId } = this.#options;
    const deadline = calls.some(({ isReconciling }) => isReconciling) ? reconcileUntil : workUntil;
    const error = this.#outage
      ? new NotSentError(this.#outage)
      : deadline.passed(shortestCallMs) && outOfTime();
    if (error) return calls.map(() => ({ kind: 'failed', error }));
    try {
      return await sender.send(calls, { deadline, correlationId });
    } catch (cause) {
      return calls.map(() => ({ kind: 'failed', error: cause }));
    }
  }
}

type Due = { readonly call: Call; resolve(result: CallResult): void };

const unanswered: CallResult = { kind: 'failed', error: new Error('a sender gave no result for a call') };

function outOfTime(): DeadlineExceededError {
  return new DeadlineExceededError('time ran out; this call was not made');
}

/** Calls in one batch request: ServiceNow names no number; this keeps it well inside its 30 s. */
const maxItems = 50;
/** Half of the 5 MB that an instance takes by default (docs/servicenow-contract.md 6), as bodies grow by a third on the way. */
const maxBytes = 2_500_000;

/**
 * Sorts calls into requests. Calls that are reconciling go separately, as they may use time that others may not; so do calls that
 * must not be sent twice, since the whole request could then not be.
 */
export function groupIntoBatches<T extends { readonly call: Call }>(
  due: readonly T[],
): readonly (readonly T[])[] {
  const kinds = Map.groupBy(
    due,
    ({ call }) => `${call.isReconciling ?? false} ${call.request.repeatable === 'never'}`,
  );
  return [...kinds.values()].flatMap(cut);
}

function cut<T extends { readonly call: Call }>(due: readonly T[]): readonly (readonly T[])[] {
  const batches: T[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const one of due) {
    const size = bytesOf(one.call);
    if (bytes + size > maxBytes || batches.at(-1)?.length === maxItems) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)?.push(one);
    bytes += size;
  }
  return batches;
}

function bytesOf({ request }: Call): number {
  return 500 + (request.body === undefined ? 0 : Buffer.byteLength(JSON.stringify(request.body)));
}

/** How often calls that a batch did not get to are sent in another one. */
const maxRounds = 3;

/** Sends each call as a request of its own. */
export function singleSender(client: ServiceNowClient): Sender {
  return { send: (calls, context) => Promise.all(calls.map((call) => sendOne(call, client, context))) };
}

async function sendOne(
  { request }: Call,
  client: ServiceNowClient,
  context: CallContext,
): Promise<CallResult> {
  try {
    return { kind: 'answered', response: await client.send(request, context) };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

/**
 * Sends calls through the Batch API, in one request. An instance that refuses batches as such gets single calls, from then on
 * for as long as the process lives.
 */
export function batchSender(client: ServiceNowClient): Sender {
  const single = singleSender(client);
  let isRefused = false;
  return {
    async send(calls, context) {
      if (isRefused || calls.length === 1) return single.send(calls, context);
      const results = await sendInBatches(client, calls, context);
      // Others may have been under way meanwhile.
      isRefused ||= [...results.values()].some((result) => isDenied(result) && !isTooLarge(result));
      const left = calls.filter((call) => !results.has(call) || isDenied(results.get(call)));
      const singles = new Map(
        (await single.send(left, context)).map((result, index) => [left[index], result]),
      );
      return calls.map((call) => singles.get(call) ?? results.get(call) ?? unanswered);
    },
  };
}

/**
 * Sends what a batch did not get to in another one: nothing of it was done, and the rest keeps its result. What no batch got
 * to has no result: one call that breaks a limit of the Batch API holds up all behind it, however often they are sent.
 */
async function sendInBatches(client: ServiceNowClient, calls: readonly Call[], context: CallContext) {
  const results = new Map<Call, CallResult>();
  for (let round = 0; round < maxRounds && results.size < calls.length; round += 1) {
    const before = results.size;
    const left = calls.filter((call) => !results.has(call));
    for (const [call, result] of await sendOnce(client, left, context)) results.set(call, result);
    if (results.size === before) break;
  }
  return results;
}

async function sendOnce(client: ServiceNowClient, calls: readonly Call[], context: CallContext) {
  const requests = calls.map(({ request }) => request);
  const results = await sendBatch(client, requests, context).catch((error: unknown) =>
    calls.map(() => failed(error)),
  );
  return calls.flatMap((call, index) => {
    const result = results[index];
    return result === undefined || result.kind === 'unserviced' ? [] : [[call, result] as const];
  });
}

function failed(error: unknown): CallResult {
  const isRefusal = error instanceof ServiceNowError && error.isRefusal;
  return { kind: 'failed', error: isRefusal ? new BatchRefused(error) : error };
}

/** Marks that the request for a batch was refused, not the calls in it. */
class BatchRefused {
  readonly cause: unknown;

  constructor(cause: unknown) {
    this.cause = cause;
  }
}

function isDenied(result: CallResult | undefined): boolean {
  return result?.kind === 'failed' && result.error instanceof BatchRefused;
}

/** Then it was this batch that was refused, not the Batch API. */
function isTooLarge(result: CallResult): boolean {
  const refusal = result.kind === 'failed' && result.error instanceof BatchRefused && result.error.cause;
  return refusal instanceof ServiceNowError && refusal.isTooLarge;
}
