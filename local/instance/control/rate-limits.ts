import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { Answer, User } from '../http/exchange.ts';
import { pathPattern } from './fault-plan.ts';

const hourMs = 3_600_000;

/** A rule as it is asked for; the defaults fill it up. */
export const rateLimitSchema = z.strictObject({
  /** What the refusal calls the resource. */
  name: z.string().default('Table API'),
  method: z.string().optional(),
  /** Path without the query, `*` stands for anything. */
  path: z.string().default('/api/now/*'),
  /** One of the two, or neither for everybody. */
  user: z.string().optional(),
  role: z.string().optional(),
  /** Among rules for roles the lowest wins. */
  order: z.number().int().default(100),
  limitPerHour: z.number().int().nonnegative(),
});

/** A rate-limit rule as it is asked for. */
export type RateLimitRequest = z.input<typeof rateLimitSchema>;

type Rule = z.output<typeof rateLimitSchema> & { readonly sysId: string; readonly pattern: RegExp };

/** What the rules say of one request: headers for its answer, and the refusal when it is over the limit. */
export type RateVerdict = { readonly headers: Record<string, string>; readonly refusal?: Answer };

/**
 * Inbound REST rate limits: requests per user and clock hour. A rule for one user beats one for a role, which beats
 * one for all. (ServiceNow docs, "Inbound REST API rate limiting"; its 30 s lag between nodes is left out.)
 */
export class RateLimits {
  readonly #now: () => number;
  #rules: Rule[] = [];
  #window = 0;
  #counts = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * @returns the rule's sys_id, as `X-RateLimit-Rule` gives it.
   * @throws z.ZodError when the rule is malformed.
   */
  add(request: RateLimitRequest): string {
    const rule = rateLimitSchema.parse(request);
    const sysId = randomBytes(16).toString('hex');
    this.#rules.push({ ...rule, sysId, pattern: pathPattern(rule.path) });
    this.#rules.sort((a, b) => rank(a) - rank(b) || a.order - b.order);
    return sysId;
  }

  list(): (z.output<typeof rateLimitSchema> & { sysId: string })[] {
    return this.#rules.map(({ pattern: _, ...rule }) => rule);
  }

  /** Forgets rules and counts. */
  clear(): void {
    this.#rules = [];
    this.#counts.clear();
  }

  /** Counts the request against the rule that holds for it; undefined when none does. */
  check(user: User, method: string, path: string): RateVerdict | undefined {
    const rule = this.#rules.find((candidate) => holds(candidate, user, method, path));
    if (!rule) return undefined;
    const resetMs = this.#turnWindow();
    const used = this.#count(`${rule.sysId} ${user.userName}`);
    const headers = {
      'X-RateLimit-Limit': String(rule.limitPerHour),
      'X-RateLimit-Reset': String(Math.floor(resetMs / 1000)),
      'X-RateLimit-Rule': rule.sysId,
    };
    if (used <= rule.limitPerHour) return { headers };
    return { headers, refusal: refusal(rule, headers, Math.ceil((resetMs - this.#now()) / 1000)) };
  }

  #count(key: string): number {
    const used = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, used);
    return used;
  }

  /** @returns when the present clock hour ends, in milliseconds since the epoch. */
  #turnWindow(): number {
    const hour = Math.floor(this.#now() / hourMs);
    if (hour !== this.#window) this.#counts.clear();
    this.#window = hour;
    return (hour + 1) * hourMs;
  }
}

function refusal(rule: Rule, headers: Record<string, string>, retryAfterS: number): Answer {
  const detail = `Rate limit of ${rule.limitPerHour} requests per hour for ${rule.name} exceeded`;
  return {
    status: 429,
    headers: { ...headers, 'Retry-After': String(retryAfterS) },
    json: { error: { message: 'Rate limit exceeded', detail }, status: 'failure' },
  };
}

function rank(rule: Rule): number {
  if (rule.user !== undefined) return 0;
  return rule.role === undefined ? 2 : 1;
}

function holds(rule: Rule, user: User, method: string, path: string): boolean {
  return (
    (rule.user === undefined || rule.user === user.userName) &&
    (rule.role === undefined || user.roles.has(rule.role)) &&
    (rule.method === undefined || rule.method.toUpperCase() === method) &&
    rule.pattern.test(path)
  );
}
