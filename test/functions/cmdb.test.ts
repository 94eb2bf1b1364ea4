import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  deleteCmdbRelation,
  getCmdbInstance,
  patchCmdbInstance,
  postCmdbInstance,
  postCmdbRelation,
} from '../../lib/operations/cmdb.ts';
import { type EmulatedDeployment, startDeployment } from './emulated.ts';

const host = 'https://abc123.execute-api.eu-west-1.amazonaws.com';
const server = 'a'.repeat(32);
const computer = 'b'.repeat(32);
const type = 'c'.repeat(32);
const allowed = 'cmdb_ci,cmdb_ci_server,cmdb_ci_linux_server';

let deployment: EmulatedDeployment;

async function open(tables: string) {
  deployment = await startDeployment({ ALLOWED_TABLES: tables }, { demoData: false });
  deployment.instance.control.seed({
    cmdb_ci_linux_server: [{ sys_id: server, name: 'lnx1', sys_domain: 'global' }],
    cmdb_ci_computer: [{ sys_id: computer, name: 'pc1' }],
    cmdb_rel_type: [{ sys_id: type, name: 'Runs on::Runs' }],
  });
}

beforeEach(() => open(`${allowed},cmdb_rel_ci,cmdb_ci_computer`));
afterEach(() => deployment.close());

const path = (rest: string) => `/api/now/cmdb/instance/${rest}`;
const relationsOf = (sysId: string) =>
  deployment.instance.state.store.select('cmdb_rel_ci', { where: 't0."parent" = ?', params: [sysId] });

describe('the CMDB Instance API', () => {
  it('lists the items of a class and reads one, its links leading to the address that was asked', async () => {
    const serve = deployment.serve(getCmdbInstance);
    const list = await serve.http({ url: path('cmdb_ci_linux_server?sysparm_query=name=lnx1') });
    expect(list).toMatchObject({ statusCode: 200, body: { result: [{ sys_id: server, name: 'lnx1' }] } });
    const item = await serve.http({ url: path(`cmdb_ci_linux_server/${server}`) });
    expect(item).toMatchObject({ statusCode: 200, body: { result: { attributes: { name: 'lnx1' } } } });
    expect(Object(item.body).result.attributes.sys_domain.link).toBe(
      `${host}/api/now/table/sys_user_group/global`,
    );
    expect(await serve.invoke({ tableName: 'cmdb_ci_linux_server', sysId: server })).toMatchObject({
      result: { attributes: { sys_id: server } },
    });
    expect((await serve.http({ url: path(`cmdb_ci_linux_server/${'0'.repeat(32)}`) })).statusCode).toBe(404);
    expect((await serve.http({ url: path('cmdb_ci_linux_server/%20') })).statusCode).toBe(404);
  });

  it('creates an item and changes it with PATCH and with PUT', async () => {
    const body = JSON.stringify({ attributes: { name: 'lnx2' }, source: 'ServiceNow' });
    const url = path('cmdb_ci_linux_server');
    const made = await deployment.serve(postCmdbInstance).http({ method: 'POST', url, body });
    const sysId = String(Object(made.body).result.attributes.sys_id);
    expect(made).toMatchObject({ statusCode: 201, headers: { location: `${host}${url}/${sysId}` } });
    for (const [method, cpuName] of [
      ['PATCH', 'i5'],
      ['PUT', 'i7'],
    ] as const) {
      const change = JSON.stringify({ attributes: { cpu_name: cpuName } });
      const request = { method, url: `${url}/${sysId}`, body: change };
      const changed = await deployment.serve(patchCmdbInstance).http(request);
      expect(changed).toMatchObject({
        statusCode: 200,
        body: { result: { attributes: { name: 'lnx2', cpu_name: cpuName } } },
      });
    }
  });

  it('adds relations, links to their ends, and removes one', async () => {
    const body = JSON.stringify({ outbound_relations: [{ type, target: computer }], source: 'ServiceNow' });
    const url = path(`cmdb_ci_linux_server/${server}/relation`);
    const added = await deployment.serve(postCmdbRelation).http({ method: 'POST', url, body });
    expect(added.statusCode).toBe(201);
    const [relation] = Object(added.body).result.outbound_relations;
    expect(relation.target).toMatchObject({
      value: computer,
      link: expect.stringContaining(`${host}/api/now/`),
    });
    expect(relationsOf(server)).toMatchObject([{ child: computer }]);
    const removal = { method: 'DELETE', url: `${url}/${relation.sys_id}` };
    expect((await deployment.serve(deleteCmdbRelation).http(removal)).statusCode).toBe(204);
    expect(relationsOf(server)).toEqual([]);
  });

  it.each([
    ['{}', /^attributes: required/],
    ['{"attributes":[]}', /^attributes: must be a single record/],
    ['{"attributes":{"name":"x"},"inbound_relations":{}}', /must be a list of/],
    ['{"attributes":{"name":"x"},"nonsense":1}', /^nonsense: unknown parameter/],
    ['', /^body: must not be empty/],
  ])('refuses the body %s by name', async (body, reason) => {
    const answer = await deployment
      .serve(postCmdbInstance)
      .http({ method: 'POST', url: path('cmdb_ci_server'), body });
    expect(answer).toMatchObject({
      statusCode: 400,
      body: { error: { detail: expect.stringMatching(reason) } },
    });
    expect(deployment.instance.control.ledger.select({ method: 'POST' })).toEqual([]);
  });
});

describe('the tables of a deployment', () => {
  it('bound what a class above the item’s own may read and write', async () => {
    await deployment.close();
    await open('cmdb_ci,cmdb_ci_server');
    const above = path(`cmdb_ci/${server}`);
    const body = JSON.stringify({ attributes: { name: 'taken over' } });
    const read = await deployment.serve(getCmdbInstance).http({ url: above });
    const written = await deployment.serve(patchCmdbInstance).http({ method: 'PATCH', url: above, body });
    expect([read.statusCode, written.statusCode]).toEqual([403, 403]);
    expect(JSON.stringify(read.body)).not.toContain('lnx1');
    expect(deployment.instance.state.store.find('cmdb_ci', server)).toMatchObject({ name: 'lnx1' });
  });

  it('refuse an item whose class the instance does not show', async () => {
    await deployment.close();
    await open('cmdb_ci,cmdb_ci_server');
    const { faults } = deployment.instance.control;
    const json = { result: { attributes: { name: 'lnx1' } } };
    faults.add({ match: { method: 'GET', path: '/api/now/cmdb/*' }, action: 'answer', status: 200, json });
    const read = await deployment.serve(getCmdbInstance).http({ url: path(`cmdb_ci/${server}`) });
    expect(read).toMatchObject({ statusCode: 403, headers: { 'x-error-code': 'TABLE_NOT_ALLOWED' } });
  });

  it('must name the table of relations where relations are written', async () => {
    await deployment.close();
    await open(allowed);
    const relations = { inbound_relations: [{ type, target: server }] };
    const item = path(`cmdb_ci_linux_server/${server}`);
    const add = await deployment
      .serve(postCmdbRelation)
      .http({ method: 'POST', url: `${item}/relation`, body: JSON.stringify(relations) });
    const create = await deployment.serve(postCmdbInstance).http({
      method: 'POST',
      url: path('cmdb_ci_linux_server'),
      body: JSON.stringify({ attributes: { name: 'x' }, ...relations }),
    });
    const remove = await deployment
      .serve(deleteCmdbRelation)
      .http({ method: 'DELETE', url: `${item}/relation/${'d'.repeat(32)}` });
    expect([add, create, remove].map(({ statusCode }) => statusCode)).toEqual([403, 403, 403]);
    expect(deployment.instance.state.store.count('cmdb_rel_ci')).toBe(0);
  });
});
