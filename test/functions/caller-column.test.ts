import { expect, it, onTestFinished } from 'vitest';
import { operations } from '../../lib/operations/catalog.ts';
import { httpEvent, lambdaContext } from '../lib/gateway/lambda-events.ts';
import { startDeployment } from './emulated.ts';

const role = 'arn:aws:sts::111122223333:assumed-role/app/session-7';

/** @param settings of the deployment */
async function deploymentWith(settings: Record<string, string>) {
  const deployment = await startDeployment(settings);
  onTestFinished(() => deployment.close());
  const { store } = deployment.instance.state;
  const call = async (
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
    const answer: unknown = await deployment.handler(operation)(
      { ...event, requestContext },
      lambdaContext(),
    );
    const { body: text }: Record<string, unknown> = { ...Object(answer) };
    const { result } = JSON.parse(String(text));
    return result;
  };
  const columnOf = (sysId: string) =>
    store.select('incident', {}).find((row) => row['sys_id'] === sysId)?.['correlation_display'];
  return { deployment, call, columnOf };
}

const iam = { iam: { userArn: role } };
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
