import { randomUUID } from 'node:crypto';
import type * as z from 'zod';
import { lazySchema } from '../lazy-schema.ts';
import type { FaultEffect } from './fault.ts';
import { faultKinds } from './fault-kinds.ts';
import { seededRandom } from './seeded-random.ts';

const faultSchema = lazySchema((z) =>
  z.looseObject({
    /**
     * Which requests it meets; all of them by default. `path` is the path without the query, `*` stands for anything.
     * With `batchItem` it meets the items of batches, each by its own method and path, and no other request.
     */
    match: z
      .strictObject({
        method: z.string().optional(),
        path: z.string().optional(),
        batchItem: z.boolean().optional(),
      })
      .default({}),
    /** A name of fault-kinds.ts; its parameters are further members of the request. */
    action: z.string().refine((name) => faultKinds.has(name), {
      error: (issue) =>
        `no such fault ${String(issue.input)}; there are ${[...faultKinds.keys()].join(', ')}`,
    }),
    /** How many requests it meets before it is spent; 1 unless a probability or a time is given, then without end. */
    count: z.number().int().positive().optional(),
    /** Ends by itself so many seconds after it was added, however many requests it has met by then. */
    seconds: z.number().positive().optional(),
    /** How many matching requests pass unharmed first. */
    skip: z.number().int().nonnegative().default(0),
    /** Chance that a matching request is met, drawn from `seed`. */
    probability: z.number().min(0).max(1).optional(),
    seed: z.number().int().default(1),
  }),
);

/** A fault as it is asked for, e.g. `{ match: { method: 'POST' }, action: 'latency', latencyMs: 50, count: 3 }`. */
export type FaultRequest = z.input<ReturnType<typeof faultSchema>>;

type PlannedFault = {
  readonly id: string;
  readonly name: string;
  readonly effect: FaultEffect;
  readonly request: FaultRequest;
  matches(method: string, path: string, batchItem: boolean): boolean;
  draw(): boolean;
  toSkip: number;
  left: number;
  applied: number;
  readonly endsMs: number;
};

/** One fault picked for one request. */
export type PickedFault = { readonly name: string; readonly effect: FaultEffect };

/** The faults that wait for requests. Several may meet the same request; they act in the order they were added. */
export class FaultPlan {
  #faults: PlannedFault[] = [];
  readonly #now: () => number;

  /** @param now milliseconds of a clock that no test moves by way of the instance */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /**
   * @returns the id by which the fault is listed.
   * @throws z.ZodError when the request is malformed.
   */
  add(request: FaultRequest): string {
    const { match, action, count, seconds, skip, probability, seed, ...parameters } =
      faultSchema().parse(request);
    const kind = faultKinds.get(action);
    if (!kind) throw new Error(`no such fault ${action}`);
    const random = seededRandom(seed);
    const id = randomUUID();
    this.#faults.push({
      id,
      name: action,
      effect: kind.parse(parameters, random),
      request,
      matches: matcher(match),
      draw: () => probability === undefined || random() < probability,
      toSkip: skip,
      left: count ?? ((probability ?? seconds) === undefined ? 1 : Number.POSITIVE_INFINITY),
      applied: 0,
      endsMs: seconds === undefined ? Number.POSITIVE_INFINITY : this.#now() + seconds * 1_000,
    });
    return id;
  }

  /** The faults that meet this request, or this item of a batch; each counts as used. */
  pick(method: string, path: string, batchItem = false): PickedFault[] {
    if (this.#faults.length === 0) return [];
    this.#endLate();
    const picked = this.#faults.filter((fault) => strikes(fault, method, path, batchItem));
    this.#faults = this.#faults.filter((fault) => fault.left > 0);
    return picked;
  }

  /** What is still waiting, with how often it struck. */
  list(): ListedFault[] {
    this.#endLate();
    const nowMs = this.#now();
    return this.#faults.map(({ id, request, applied, left, endsMs }) => ({
      id,
      request,
      applied,
      left: Number.isFinite(left) ? left : null,
      secondsLeft: Number.isFinite(endsMs) ? (endsMs - nowMs) / 1_000 : null,
    }));
  }

  /** Takes one fault away, or all. */
  clear(id?: string): void {
    this.#faults = id === undefined ? [] : this.#faults.filter((fault) => fault.id !== id);
  }

  #endLate(): void {
    const nowMs = this.#now();
    this.#faults = this.#faults.filter(({ endsMs }) => endsMs > nowMs);
  }
}

/** A fault that waits. */
type ListedFault = {
  readonly id: string;
  readonly request: FaultRequest;
  readonly applied: number;
  /** Requests to come; null without end. */
  readonly left: number | null;
  /** Seconds until it ends by itself; null when it does not. */
  readonly secondsLeft: number | null;
};

function strikes(fault: PlannedFault, method: string, path: string, batchItem: boolean): boolean {
  if (fault.left <= 0 || !fault.matches(method, path, batchItem)) return false;
  if (fault.toSkip > 0) {
    fault.toSkip -= 1;
    return false;
  }
  if (!fault.draw()) return false;
  fault.left -= 1;
  fault.applied += 1;
  return true;
}

function matcher(match: {
  method?: string | undefined;
  path?: string | undefined;
  batchItem?: boolean | undefined;
}) {
  const path = match.path === undefined ? undefined : pathPattern(match.path);
  const method = match.method?.toUpperCase();
  return (givenMethod: string, givenPath: string, batchItem: boolean) =>
    (match.batchItem ?? false) === batchItem &&
    (method === undefined || method === givenMethod) &&
    (path === undefined || path.test(givenPath));
}

/** `/api/now/table/*` as a regular expression over the whole path. */
export function pathPattern(pattern: string): RegExp {
  const literal = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}$`);
}
