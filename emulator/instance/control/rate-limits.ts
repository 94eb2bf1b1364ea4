import { randomBytes } from 'node:crypto';
import type * as z from 'zod';
import type { Answer, User } from '../http/exchange.ts';
import { lazySchema } from '../lazy-schema.ts';
import type { Row } from '../row.ts';
import { boolean, integer, reference, text } from '../schema/columns.ts';
import type { Table } from '../schema/table.ts';
import type { Store } from '../store/store.ts';
import type { LoadSwitches } from '../switches.ts';
import { pathPattern } from './fault-plan.ts';

/** Where the rules are; `path` and `method` stand for the REST resource and method of an instance. */
export const rateLimitTable: Table = {
  name: 'sys_rate_limit_rules',
  label: 'Rate Limit Rules',
  display: 'name',
  columns: [
    text('name', 'Name', 100, { defaultValue: 'Table API' }),
    boolean('active', 'Active', { defaultValue: 'true' }),
    text('path', 'Path', 255, { defaultValue: '/api/now/*' }),
    text('method', 'Method', 10),
    reference('user', 'User', 'sys_user'),
    reference('role', 'Role', 'sys_user_role'),
    integer('order', 'Order', { defaultValue: '100' }),
    integer('request_limit', 'Request limit per hour'),
  ],
};

/** A rule as it is asked for; the defaults fill it up. */
export const rateLimitSchema = lazySchema((z) =>
  z.strictObject({
    /** What the refusal calls the resource. */
    name: z.string().default('Table API'),
    method: z.string().optional(),
    /** Path without the query, `*` stands for anything. */
    path: z.string().default('/api/now/*'),
    /** One of the two, or neither for all users. */
    user: z.string().optional(),
    role: z.string().optional(),
    /** Among rules for roles the lowest wins. */
    order: z.number().int().default(100),
    limitPerHour: z.number().int().nonnegative(),
  }),
);

/** A rate-limit rule with the names of its user or role. */
export type RateLimitRule = z.output<ReturnType<typeof rateLimitSchema>> & { readonly sysId: string };

/** The row that a rule becomes. */
function toRow(store: Store, rule: RateLimitRule): Row {
  const { user = '', role = '', method = '' } = rule;
  return {
    sys_id: rule.sysId,
    name: rule.name,
    path: rule.path,
    method,
    user: store.findBy('sys_user', 'user_name', user)?.['sys_id'] ?? user,
    role: store.findBy('sys_user_role', 'name', role)?.['sys_id'] ?? role,
    order: String(rule.order),
    request_limit: String(rule.limitPerHour),
  };
}

/** The active rules, also those written through the Table API; one without a limit has no effect. */
function readRules(store: Store): RateLimitRule[] {
  const where = 't0."active" = 1 AND t0."request_limit" IS NOT NULL';
  return store.select(rateLimitTable.name, { where }).map((row) => toRule(store, row));
}

function toRule(store: Store, row: Row): RateLimitRule {
  const { sys_id: sysId = '', name = '', path = '', method = '', user = '', role = '' } = row;
  return {
    sysId,
    name,
    path,
    order: Number(row['order']),
    limitPerHour: Number(row['request_limit']),
    ...(method !== '' && { method }),
    ...(user !== '' && { user: store.find('sys_user', user)?.['user_name'] ?? user }),
    ...(role !== '' && { role: store.find('sys_user_role', role)?.['name'] ?? role }),
  };
}

const hourMs = 3_600_000;

/** A rate-limit rule as it is asked for. */
export type RateLimitRequest = z.input<ReturnType<typeof rateLimitSchema>>;

type Rule = RateLimitRule & { readonly pattern: RegExp };

/** Requests in this window, as counted, and as the node that enforces the limit last heard of them. */
type Usage = { counted: number; heard: number; heardAt: number };

type Parts = {
  readonly store: Store;
  readonly clock: { now(): number };
  readonly switches: Pick<LoadSwitches, 'rateLimitFlushMs'>;
};

/** What the rules say of one request: headers for its answer, and the refusal when it is over the limit. */
export type RateVerdict = { readonly headers: Record<string, string>; readonly refusal?: Answer };

/**
 * Inbound REST rate limits: requests per user and clock hour, by the rules in sys_rate_limit_rules. A rule for one user
 * beats one for a role, which beats one for all. (ServiceNow docs, "Inbound REST API rate limiting".)
 */
export class RateLimits {
  readonly #parts: Parts;
  /** As read last, the one that beats the others first. */
  #rules: Rule[] | undefined;
  #window = 0;
  #usage = new Map<string, Usage>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * @returns the rule's sys_id, as `X-RateLimit-Rule` gives it.
   * @throws z.ZodError when the rule is malformed.
   */
  add(request: RateLimitRequest): string {
    const { store } = this.#parts;
    const sysId = randomBytes(16).toString('hex');
    store.seed(rateLimitTable.name, toRow(store, { ...rateLimitSchema().parse(request), sysId }));
    this.forgetRules();
    return sysId;
  }

  list(): RateLimitRule[] {
    return this.#read().map(({ pattern: _, ...rule }) => rule);
  }

  /** Removes rules and counts. */
  clear(): void {
    const { store } = this.#parts;
    for (const { sys_id: sysId = '' } of store.select(rateLimitTable.name)) {
      store.remove(rateLimitTable.name, sysId);
    }
    this.forgetRules();
    this.#usage.clear();
  }

  /** Drops the rules that were read; they are read again when next needed. */
  forgetRules(): void {
    this.#rules = undefined;
  }

  /** Counts the request against the rule that holds for it; undefined when none does. */
  check(user: User, method: string, path: string): RateVerdict | undefined {
    const rule = this.#read().find((candidate) => holds(candidate, user, method, path));
    if (!rule) return undefined;
    const resetMs = this.#turnWindow();
    const used = this.#count(`${rule.sysId} ${user.userName}`);
    const headers = {
      'X-RateLimit-Limit': String(rule.limitPerHour),
      'X-RateLimit-Reset': String(Math.floor(resetMs / 1000)),
      'X-RateLimit-Rule': rule.sysId,
    };
    if (used <= rule.limitPerHour) return { headers };
    return {
      headers,
      refusal: refusal(rule, headers, Math.ceil((resetMs - this.#parts.clock.now()) / 1000)),
    };
  }

  #read(): Rule[] {
    this.#rules ??= readRules(this.#parts.store)
      .map((rule) => ({ ...rule, pattern: pathPattern(rule.path) }))
      .sort((a, b) => rank(a) - rank(b) || a.order - b.order);
    return this.#rules;
  }

  /** The requests that the limit is held against, this one among them: by switch some are heard of only later. */
  #count(key: string): number {
    const { clock, switches } = this.#parts;
    const usage = this.#usage.get(key) ?? { counted: 0, heard: 0, heardAt: 0 };
    this.#usage.set(key, usage);
    const flushMs = switches.rateLimitFlushMs;
    const now = flushMs === 0 ? Number.NaN : Math.floor(clock.now() / flushMs);
    if (now !== usage.heardAt) usage.heard = usage.counted;
    usage.heardAt = now;
    usage.counted += 1;
    return usage.heard + 1;
  }

  /** @returns when the present clock hour ends, in milliseconds since the epoch. */
  #turnWindow(): number {
    const hour = Math.floor(this.#parts.clock.now() / hourMs);
    if (hour !== this.#window) this.#usage.clear();
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
