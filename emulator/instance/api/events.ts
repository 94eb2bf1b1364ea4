import { stringifyValue } from '../fields/input.ts';
import type { Answer, Exchange } from '../http/exchange.ts';
import { Failure } from '../http/failure.ts';
import type { Row } from '../row.ts';
import type { InstanceState } from '../state.ts';
import { toDateTime } from '../time/dates.ts';
import { isObject, readObject, unreadable } from './import/request.ts';
import { negotiated, type Route } from './router.ts';

const role = 'evt_mgmt_integration';

/**
 * POST /api/global/em/jsonv2: the events of `records`, written to em_event without its business rules (ServiceNow docs,
 * "Send events via web service").
 * @throws Failure 403 without the role, 400 for a body without records.
 */
export function insertEvents({ body, user }: Exchange, state: InstanceState): Answer {
  if (!user.roles.has('admin') && !user.roles.has(role))
    throw new Failure(403, 'User Not Authorized', 'Failed API level ACL Validation');
  const { records } = readObject(body);
  if (!Array.isArray(records)) throw unreadable('The payload has no array "records"');
  const base = { time_of_event: toDateTime(state.clock.now()), resolution_state: 'New' };
  const rows = records.filter(isObject).map((record) => toRow(record, state));
  const ids = state.store.load('em_event', base, rows, user);
  for (const sysId of ids) state.ledger.wrote('insert', 'em_event', sysId);
  return { status: 200, json: { result: { 'Default Bulk Endpoint': `${ids.length} events were inserted` } } };
}

/** `additional_info` may be JSON text or an object, which is kept as JSON. */
function toRow(record: Record<string, unknown>, { schema }: InstanceState): Row {
  const known = Object.entries(record).filter(
    ([name]) => !name.startsWith('sys_') && schema.column('em_event', name),
  );
  const text = (name: string, value: unknown) =>
    name === 'additional_info' && isObject(value) ? JSON.stringify(value) : stringifyValue(value);
  return Object.fromEntries(known.map(([name, value]) => [name, text(name, value)]));
}

export const eventRoutes: readonly Route[] = [
  { path: '@global/em/jsonv2', methods: { POST: negotiated(insertEvents, 'json') } },
];
