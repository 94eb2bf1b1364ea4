import type * as z from 'zod';
import { lazySchema } from '../lazy-schema.ts';
import { boolean, integer, reference, text } from '../schema/columns.ts';
import type { Table } from '../schema/table.ts';
import type { Row } from '../store/row.ts';
import type { Store } from '../store/store.ts';

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
    /** One of the two, or neither for everybody. */
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
export function toRow(store: Store, rule: RateLimitRule): Row {
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

/** The active rules, whoever wrote them; one without a limit holds for nothing. */
export function readRules(store: Store): RateLimitRule[] {
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
