import { describe, expect, it, onTestFinished } from 'vitest';
import { postBatch } from '../../lib/operations/batch.ts';
import {
  getAggregateRecord,
  getRecordById,
  getRecords,
  patchRecordById,
} from '../../lib/operations/table.ts';
import type { ServiceNowClient } from '../../lib/servicenow/call.ts';
import { startDeployment } from './emulated.ts';

const sysId = 'e'.repeat(32);

async function openDeployment(environment: Record<string, string> = {}) {
  const deployment = await startDeployment({ ALLOWED_TABLES: 'incident,sys_user_group', ...environment });
  onTestFinished(() => deployment.close());
  const { store } = deployment.instance.state;
  const caller = String(store.select('sys_user', { limit: 1 })[0]?.['sys_id']);
  store.seed('incident', { sys_id: sysId, number: 'INC1', caller_id: caller, short_description: 'a.b' });
  return deployment;
}

const encoded = (query: string) => encodeURIComponent(query);

describe('a table that callers may not use', () => {
  it.each([
    'sysparm_fields=number,caller_id.name',
    'sysparm_fields=CALLER_ID.NAME',
    'sysparm_fields=caller_id.manager.name',
    'sysparm_fields=assignment_group.manager.name',
    `sysparm_query=${encoded('caller_id.nameLIKEa')}`,
    `sysparm_query=${encoded('number=INC1^ORcaller_id.name=x.y')}`,
    `sysparm_query=${encoded('number=INC1^NQcaller_id.active=true')}`,
    `sysparm_query=${encoded('number=x^^caller_id.active=true')}`,
    `sysparm_query=${encoded('number=INC1^ORDERBYDESCcaller_id.name')}`,
    `sysparm_query=${encoded('GROUPBYcaller_id.name')}`,
    `sysparm_query=${encoded('numberSAMEAScaller_id.name')}`,
    `sysparm_query=${encoded('RLQUERYsys_user.manager,>=1^active=true^ENDRLQUERY')}`,
    `sysparm_query=${encoded('JOINincident.caller_id=sys_user.sys_id!active=true')}`,
    `sysparm_query=${encoded('caller_idSUBQUERYsys_id,sys_user,active=true')}`,
    `sysparm_query=${encoded('active=true^ORDERBYnumber,caller_id.name')}`,
    `sysparm_query=${encoded('RLQUERYincident.caller_id.company,>=1^ENDRLQUERY')}`,
    `sysparm_query=${encoded('RLQUERYincident.parent_incident,>=1^caller_id.active=true^ENDRLQUERY')}`,
    `sysparm_query=${encoded('ENDRLQUERYcaller_id.active=true')}`,
    'caller_id.name=x',
    'sysparm_tiny=abc',
    'number=x^ORcaller_id.user_name=abel',
    `sysparm_query=${encoded('number=x^^caller_id.nameLIKEa')}`,
    'sysparm_fields=ref_sys_user.name',
  ])('is not read by way of %s', async (parameters) => {
    const deployment = await openDeployment();
    const asked: string[] = [];
    const noting = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      send(request, context) {
        asked.push(request.path);
        return client.send(request, context);
      },
    });
    const answer = await deployment
      .serve(getRecords, noting)
      .http({ url: `/api/now/table/incident?${parameters}` });
    expect(answer).toMatchObject({
      statusCode: 403,
      headers: { 'x-error-code': 'TABLE_NOT_ALLOWED' },
      body: { error: { detail: expect.stringMatching(/allowedTables, or set dotWalkAnywhere/) } },
    });
    expect(asked).not.toContain('/api/now/table/incident');
  });

  it.each([
    'sysparm_fields=watch_list.name',
    'sysparm_fields=no_such_column.name',
    'sysparm_fields=variables.caller.name',
    `sysparm_query=${encoded('sys_tags.name=x')}`,
  ])('is not at the end of %s, which is no reference, and the answer says so', async (parameters) => {
    const deployment = await openDeployment();
    const answer = await deployment.serve(getRecords).http({ url: `/api/now/table/incident?${parameters}` });
    expect(answer).toMatchObject({
      statusCode: 403,
      headers: { 'x-error-code': 'TABLE_NOT_ALLOWED' },
      body: { error: { detail: expect.stringMatching(/is no reference of incident; name its columns/) } },
    });
  });

  it.each([
    `sysparm_query=${encoded('short_description=foo^^bar.baz')}`,
    'sysparm_fields=variables.os',
    'sysparm_fields=ref_incident.severity',
  ])('is not let through where no column can be read: %s', async (parameters) => {
    const deployment = await openDeployment();
    const blind = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      send: (request, context) =>
        request.path.endsWith('/sys_dictionary')
          ? Promise.resolve({ status: 200, headers: {}, body: { result: [] }, attempts: 1 })
          : client.send(request, context),
    });
    const url = `/api/now/table/incident?${parameters}`;
    expect((await deployment.serve(getRecords, blind).http({ url })).statusCode).toBe(403);
  });

  it.each([
    'sysparm_group_by=caller_id.name',
    'sysparm_group_by=state,caller_id.name',
    'sysparm_having=count^caller_id.name^%3E^3',
    'sysparm_order_by=AVG^caller_id.failed_attempts',
    'sysparm_avg_fields=caller_id.failed_attempts',
    'caller_id.name=x',
  ])('is not counted by way of %s', async (parameters) => {
    const deployment = await openDeployment();
    const url = `/api/now/stats/incident?sysparm_count=true&${parameters}`;
    expect((await deployment.serve(getAggregateRecord).http({ url })).statusCode).toBe(403);
  });

  it('is not read by one record, in the answer to a write, in a batch or by a direct Invoke either', async () => {
    const deployment = await openDeployment();
    const url = `/api/now/table/incident/${sysId}?sysparm_fields=caller_id.name`;
    expect((await deployment.serve(getRecordById).http({ url })).statusCode).toBe(403);
    const patch = { method: 'PATCH', url, body: '{"urgency":"1"}' };
    expect((await deployment.serve(patchRecordById).http(patch)).statusCode).toBe(403);
    expect(deployment.instance.state.store.find('incident', sysId)).not.toMatchObject({ urgency: '1' });
    const walking = {
      method: 'PATCH',
      url: `/api/now/table/incident/${sysId}`,
      body: '{"caller_id.active":"false"}',
    };
    expect((await deployment.serve(patchRecordById).http(walking)).statusCode).toBe(403);
    const body = JSON.stringify({ rest_requests: [{ id: '1', method: 'GET', url }] });
    const batch = await deployment.serve(postBatch).http({ method: 'POST', url: '/api/now/batch', body });
    expect(batch.body).toMatchObject({ serviced_requests: [{ status_code: 403 }] });
    const event = { tableName: 'incident', sysId, sysparmFields: ['caller_id.name'] };
    await expect(deployment.serve(getRecordById).invoke(event)).rejects.toMatchObject({
      name: 'TableNotAllowedError',
    });
  });
});

describe('what stays allowed', () => {
  it.each([
    'sysparm_fields=number,assignment_group.name',
    `sysparm_query=${encoded('assignment_group.nameLIKEx.y^ORshort_descriptionLIKEa.b^short_description=caller_id.name')}`,
    `sysparm_query=${encoded('short_descriptionSTARTSWITHa.^ORnumberINa.b,c.d^ORDERBYnumber')}`,
    `sysparm_query=${encoded('short_description=foo^^bar.baz^ORassignment_group.name=x')}`,
    'short_description=a.b',
    'short_description=a^ORassignment_group.name=b.c',
    'sysparm_fields=number,variables.os',
    'sysparm_fields=ref_incident.severity',
    'sysparm_display_value=true',
    'sysparm_limit=1',
  ])('is a read by way of %s', async (parameters) => {
    const deployment = await openDeployment();
    const answer = await deployment.serve(getRecords).http({ url: `/api/now/table/incident?${parameters}` });
    expect(answer.statusCode).toBe(200);
  });

  it('is everything where the deployment says so, or where all tables are allowed, without a look-up', async () => {
    for (const environment of [{ DOT_WALK_ANYWHERE: 'true' }, { ALLOWED_TABLES: '*' }]) {
      const deployment = await openDeployment(environment);
      const url = `/api/now/table/incident/${sysId}?sysparm_fields=caller_id.user_name`;
      expect((await deployment.serve(getRecordById).http({ url })).statusCode).toBe(200);
    }
  });

  it('is looked up once', async () => {
    const deployment = await openDeployment();
    const url = '/api/now/table/incident?sysparm_fields=assignment_group.name&sysparm_limit=1';
    const served = deployment.serve(getRecords, (client) => client);
    await served.http({ url });
    deployment.counted.length = 0;
    await served.http({ url });
    expect(deployment.counted.filter((name) => name === 'Requests')).toHaveLength(1);
  });
});
