import { describe, expect, it } from 'vitest';
import { readConfig, selectInstance } from '../../lib/core/config.ts';
import type { Operation } from '../../lib/operations/define-operation.ts';
import { toCamelCase } from '../../lib/operations/parameters.ts';
import {
  deleteRecordById,
  getAggregateRecord,
  getRecordById,
  getRecords,
  patchRecordById,
  postRecord,
  putRecordById,
} from '../../lib/operations/table.ts';
import { operationHandler } from '../../lib/runtime.ts';
import type { ServiceNowRequest } from '../../lib/servicenow/call.ts';
import { gatewayDeps } from '../lib/gateway/gateway-deps.ts';
import { httpEvent, lambdaContext } from '../lib/gateway/lambda-events.ts';

const config = readConfig({ SERVICENOW_SECRET_ID: 'x', ALLOWED_TABLES: '*' });

/** The request that an event comes to. */
async function sentBy(operation: Operation, event: unknown) {
  const sent: ServiceNowRequest[] = [];
  const send = async (request: ServiceNowRequest) => {
    sent.push(request);
    return { status: 200, headers: {}, body: { result: {} }, attempts: 1 };
  };
  const connect = () => ({ instance: selectInstance(config), client: { send, close: async () => {} } });
  const handler = operationHandler(operation, () => gatewayDeps(config, connect));
  await handler(event, lambdaContext());
  const [request] = sent;
  return { ...request, query: Object.fromEntries(request?.query ?? []) };
}

const read = {
  sysparm_display_value: 'all',
  sysparm_fields: 'number,caller_id.name',
  sysparm_view: 'a view & more',
  sysparm_exclude_reference_link: 'true',
};
const noDomain = { sysparm_query_no_domain: 'true' };
const write = { ...read, sysparm_input_display_value: 'true', sysparm_suppress_auto_sys_field: 'true' };
const list = {
  sysparm_query: 'active=true^short_descriptionLIKEa&b=c^^d^ORDERBYnumber',
  sysparm_limit: '10',
  sysparm_offset: '20',
  sysparm_query_category: 'list',
  sysparm_no_count: 'true',
  sysparm_suppress_pagination_header: 'true',
};
const aggregate = {
  sysparm_query: 'active=true',
  sysparm_count: 'true',
  sysparm_avg_fields: 'a,b',
  sysparm_min_fields: 'c',
  sysparm_max_fields: 'd',
  sysparm_sum_fields: 'e',
  sysparm_group_by: 'f,g',
  sysparm_order_by: 'AVG^a^DESC',
  sysparm_having: 'count^state^>^3',
  sysparm_display_value: 'true',
};

function describePassing(
  operation: Operation,
  method: string,
  path: string,
  parameters: Readonly<Record<string, string>>,
): void {
  describe(operation.name, () => {
    const [, tableName, sysId] = path.split('/');
    const hasBody = operation.body !== undefined;

    it.each(['', '/v1', '/v2'])('hands every parameter of a request below /api/now%s on', async (version) => {
      const url = `/api/now${version}/${path}?${new URLSearchParams(parameters)}`;
      const body = hasBody ? { body: '{"state":"2","close_notes":""}' } : {};
      expect(await sentBy(operation, httpEvent({ method, url, ...body }))).toMatchObject({
        method,
        path: `/api/now${version}/${path}`,
        query: parameters,
        ...(hasBody && { body: { state: '2', close_notes: '' } }),
      });
    });

    it('hands every parameter of a direct Invoke on by ServiceNow’s name', async () => {
      const given = Object.entries(parameters).map(([name, value]) => [toCamelCase(name), value]);
      const record = hasBody ? { record: { state: '2', close_notes: '' } } : {};
      const event = { tableName, ...(sysId && { sysId }), ...Object.fromEntries(given), ...record };
      expect(await sentBy(operation, event)).toMatchObject({
        method,
        path: `/api/now/${path}`,
        query: parameters,
      });
    });

    it('leaves no parameter of its own untried here', () => {
      const tried = Object.keys(parameters).map(toCamelCase);
      const aliases = ['sysparmReadReplicaCategory', 'sysparmSupPaginationHeader', 'sysparmOrderby'];
      const own = operation.parameterNames.filter((name) => name.startsWith('sysparm'));
      expect(own.filter((name) => !aliases.includes(name)).sort()).toEqual(tried.sort());
    });
  });
}

describePassing(getRecords, 'GET', 'table/incident', { ...list, ...read, ...noDomain });
describePassing(getRecordById, 'GET', 'table/incident/1', { ...read, ...noDomain });
describePassing(postRecord, 'POST', 'table/incident', write);
describePassing(putRecordById, 'PUT', 'table/incident/1', { ...write, ...noDomain });
describePassing(patchRecordById, 'PATCH', 'table/incident/1', { ...write, ...noDomain });
describePassing(deleteRecordById, 'DELETE', 'table/incident/1', noDomain);
describePassing(getAggregateRecord, 'GET', 'stats/incident', aggregate);
