import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';
import { operations } from '../../lib/operations/catalog.ts';
import type { ServiceNowClient, ServiceNowRequest } from '../../lib/servicenow/call.ts';
import { httpEvent, lambdaContext } from '../lib/gateway/lambda-events.ts';
import { late } from './both-ways.ts';
import { startDeployment } from './emulated.ts';

const role = 'arn:aws:sts::111122223333:assumed-role/app/session-7';

type Through = (client: ServiceNowClient) => ServiceNowClient;

/** @param settings of the deployment */
async function deploymentWith(settings: Record<string, string>, through?: Through) {
  let aheadMs = 0;
  const clock = { ...systemClock, now: () => Date.now() + aheadMs };
  const deployment = await startDeployment(settings, { clock }, clock);
  onTestFinished(() => deployment.close());
  const { store } = deployment.instance.state;
  const ask = async (
    name: string,
    url: string,
    method: string,
    body: object,
    authorizer?: object,
    key?: string,
  ) => {
    const operation = operations.find((one) => one.name === name);
    if (operation === undefined) throw new Error(`${name} is no operation`);
    const headers = { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) };
    const event = httpEvent({ method, url, body: JSON.stringify(body), headers });
    const requestContext = { ...event.requestContext, ...(authorizer && { authorizer }) };
    const answer: unknown = await deployment.handler(operation, through)(
      { ...event, requestContext },
      lambdaContext(),
    );
    const { body: text, statusCode, headers: sent }: Record<string, unknown> = { ...Object(answer) };
    return { statusCode, headers: { ...Object(sent) }, result: JSON.parse(String(text)).result };
  };
  const call = async (...one: Parameters<typeof ask>) => (await ask(...one)).result;
  const columnOf = (sysId: string) =>
    store.select('incident', {}).find((row) => row['sys_id'] === sysId)?.['correlation_display'];
  const later = (ms: number) => {
    aheadMs += ms;
  };
  return { deployment, ask, call, columnOf, later };
}

const iam = { iam: { userArn: role } };
const ada = { jwt: { claims: { sub: 'ada' }, scopes: [] } };
const incidents = '/api/now/table/incident';
const setting = { CALLER_COLUMN: 'correlation_display' };

it('writes the role of the caller into the column, whatever the caller says', async () => {
  const { call, columnOf } = await deploymentWith(setting);
  const record = { short_description: 'a', correlation_display: 'someone else' };
  const created = await call('postRecord', incidents, 'POST', record, iam);
  expect(columnOf(created.sys_id)).toBe('arn:aws:iam::111122223333:role/app');
  const token = { jwt: { claims: { sub: 'ada', scope: 'write' }, scopes: ['write'] } };
  const url = `${incidents}/${created.sys_id}`;
  await call('patchRecordById', url, 'PATCH', { urgency: '1' }, token);
  expect(columnOf(created.sys_id)).toBe('sub:ada');
});

it('carries a write out once under a key that another caller repeats', async () => {
  const { call, columnOf } = await deploymentWith(setting);
  const { sys_id: sysId } = await call('postRecord', incidents, 'POST', {}, iam);
  const change = { work_notes: 'Disk full' };
  await call('patchRecordById', `${incidents}/${sysId}`, 'PATCH', change, iam, 'k');
  const token = { jwt: { claims: { sub: 'ada' }, scopes: [] } };
  const again = await call('patchRecordById', `${incidents}/${sysId}`, 'PATCH', change, token, 'k');
  expect(again).toMatchObject({ sys_id: sysId });
  expect(columnOf(sysId)).toBe('arn:aws:iam::111122223333:role/app');
});

it.each(['took effect', 'never arrived'])('knows a lost update of another caller that %s', async (what) => {
  const isLate = ({ method }: ServiceNowRequest) => method === 'PATCH';
  const slow = late(isLate);
  const { ask, columnOf, later } = await deploymentWith(setting, slow.through);
  const { sys_id: sysId } = (await ask('postRecord', incidents, 'POST', {}, iam)).result;
  const url = `${incidents}/${sysId}`;
  later(600_000);
  const change = { urgency: '1' };
  expect(await ask('patchRecordById', url, 'PATCH', change, iam, 'k')).toMatchObject({ statusCode: 504 });
  if (what === 'took effect') await slow.commit();
  later(600_000);
  const again = await ask('patchRecordById', url, 'PATCH', change, ada, 'k');
  expect(again).toMatchObject({ statusCode: 200, result: { sys_id: sysId, urgency: '1' } });
  expect(again.headers).not.toHaveProperty('idempotency-differs');
  expect(columnOf(sysId)).toBe(what === 'took effect' ? 'arn:aws:iam::111122223333:role/app' : 'sub:ada');
});

it('is no difference to a POST that another caller repeats', async () => {
  const { ask } = await deploymentWith(setting);
  await ask('postRecord', incidents, 'POST', { urgency: '1' }, iam, 'k');
  const again = await ask('postRecord', incidents, 'POST', { urgency: '1' }, ada, 'k');
  expect(again).toMatchObject({ statusCode: 200, headers: { 'idempotency-replayed': 'true' } });
  expect(again.headers).not.toHaveProperty('idempotency-differs');
});

it('writes it in each part of a batch', async () => {
  const { call, deployment } = await deploymentWith(setting);
  const body = Buffer.from(JSON.stringify({ short_description: 'in a batch' })).toString('base64');
  const part = { id: '1', method: 'POST', url: incidents, headers: [], body };
  const headers = [{ name: 'Content-Type', value: 'application/json' }];
  const batch = { batch_request_id: 'b', rest_requests: [{ ...part, headers }] };
  await call('postBatch', '/api/now/batch', 'POST', batch, iam);
  const made = deployment.instance.state.store
    .select('incident', {})
    .find((row) => row['short_description'] === 'in a batch');
  expect(made?.['correlation_display']).toBe('arn:aws:iam::111122223333:role/app');
});

it.each([
  ['the deployment names no column', {}, iam],
  ['API Gateway attests no caller', setting, undefined],
])('writes what was given where %s', async (_why, settings, authorizer) => {
  const { call, columnOf } = await deploymentWith(settings);
  const record = { short_description: 'a', correlation_display: 'given' };
  const created = await call('postRecord', incidents, 'POST', record, authorizer);
  expect(columnOf(created.sys_id)).toBe('given');
});
