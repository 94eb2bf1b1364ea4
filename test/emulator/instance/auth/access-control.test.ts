import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addAccount } from '../../../../emulator/instance/auth/add-account.ts';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';

const insufficient = {
  error: {
    message: 'Insufficient rights to query records',
    detail: 'Field(s) present in the query do not have permission to be read',
  },
  status: 'failure',
};

const aclException = (verb: string) => ({
  error: {
    message: 'Operation Failed',
    detail: `ACL Exception ${verb} Failed due to security constraints`,
  },
  status: 'failure',
});

describe('access control', () => {
  let instance: Instance;
  beforeEach(async () => {
    instance = await startInstance({
      demoData: false,
      data: {
        incident: ['1', '2', '3', '4', '5'].map((digit) => ({
          sys_id: digit.repeat(32),
          short_description: `incident ${digit}`,
          category: Number(digit) % 2 === 0 ? 'network' : 'software',
          description: 'secret',
        })),
      },
    });
    addAccount(instance.control.auth, { userName: 'ann', password: 'p', roles: ['itil'] });
    addAccount(instance.control.auth, { userName: 'guest', password: 'p' });
  });
  afterEach(() => instance.close());

  const as = (who: string, method: string, path: string, json?: unknown) =>
    call(instance, method, `/api/now/table/incident${path}`, {
      as: `${who}:p`,
      ...(json !== undefined && { json }),
    });
  const one = `/${'1'.repeat(32)}`;
  const access = () => instance.control.auth.access;

  it('shows a user without roles no rows, while the total stays blind to that', async () => {
    const reply = await as('guest', 'GET', '');
    expect([reply.status, reply.json]).toEqual([200, { result: [] }]);
    expect(reply.headers.get('x-total-count')).toBe('5');
    expect((await as('guest', 'GET', one)).status).toBe(404);
  });

  it('refuses a user without roles the list of tables, as platform tables do', async () => {
    const path = '/api/now/table/sys_db_object?sysparm_limit=1';
    const refused = await call(instance, 'GET', path, { as: 'guest:p' });
    expect([refused.status, refused.json]).toEqual([
      403,
      { error: { message: 'Insufficient rights to query records', detail: null }, status: 'failure' },
    ]);
    expect((await call(instance, 'GET', path, { as: 'ann:p' })).status).toBe(200);
  });

  it('filters rows after the limit: a page is shorter than asked for, and the next goes on behind it', async () => {
    access().add({ table: 'incident', operation: 'read', where: { category: 'network' } });
    const page = async (offset: number) => {
      const reply = await as(
        'ann',
        'GET',
        `?sysparm_query=ORDERBYsys_id&sysparm_fields=short_description&sysparm_limit=2&sysparm_offset=${offset}`,
      );
      expect(reply.headers.get('x-total-count')).toBe('5');
      return Object(reply.json).result;
    };
    expect(await page(0)).toEqual([{ short_description: 'incident 2' }]);
    expect(await page(2)).toEqual([{ short_description: 'incident 4' }]);
    expect(await page(4)).toEqual([]);
  });

  it('leaves a field out that may not be read, and answers 403 to a query on it', async () => {
    access().add({ table: 'task', operation: 'read', field: 'description', roles: ['secret_reader'] });
    const reply = await as('ann', 'GET', one);
    expect(reply.status).toBe(200);
    expect(Object(reply.json).result).not.toHaveProperty('description');
    expect(Object(reply.json).result).toHaveProperty('short_description');
    const query = await as('ann', 'GET', '?sysparm_query=active=true^descriptionLIKEsec');
    expect([query.status, query.json]).toEqual([403, insufficient]);
    expect((await call(instance, 'GET', `/api/now/table/incident${one}`)).json).toMatchObject({
      result: { description: 'secret' },
    });
  });

  it('leaves out, and does not select by, a field at the end of a dot-walk', async () => {
    access().add({ table: 'sys_user', operation: 'read', field: 'email', roles: [] });
    const fields = 'sysparm_fields=number,caller_id.email,caller_id.name';
    const reply = await as('ann', 'GET', `${one}?${fields}`);
    expect(Object.keys(Object(reply.json).result).sort()).toEqual(['caller_id.name', 'number']);
    expect((await as('ann', 'GET', '?sysparm_query=caller_id.emailLIKEx')).status).toBe(403);
  });

  it('refuses to group by a field that may not be read', async () => {
    access().add({ table: 'incident', operation: 'read', field: 'category', roles: [] });
    const stats = (query: string) =>
      call(instance, 'GET', `/api/now/stats/incident?sysparm_count=true${query}`, { as: 'ann:p' });
    expect((await stats('')).status).toBe(200);
    expect((await stats('&sysparm_group_by=category')).status).toBe(403);
  });

  it('refuses each kind of write in its own words', async () => {
    for (const operation of ['create', 'write', 'delete'] as const) {
      access().add({ table: 'incident', operation, roles: ['writer'] });
    }
    const created = await as('ann', 'POST', '', { short_description: 'x' });
    const updated = await as('ann', 'PATCH', one, { short_description: 'x' });
    const deleted = await as('ann', 'DELETE', one);
    expect([created.status, created.json]).toEqual([403, aclException('Insert')]);
    expect([updated.status, updated.json]).toEqual([403, aclException('Update')]);
    expect([deleted.status, deleted.json]).toEqual([403, aclException('Delete')]);
    expect(instance.state.store.count('incident')).toBe(5);
  });

  it('keeps a user out of every API on a table', async () => {
    access().add({ table: 'incident', operation: 'rest', roles: ['rest_service'] });
    const reply = await as('ann', 'GET', '');
    expect(reply.status).toBe(403);
    expect(reply.json).toEqual({
      error: { message: 'User Not Authorized', detail: 'Failed API level ACL Validation' },
      status: 'failure',
    });
    expect((await call(instance, 'GET', '/api/now/table/problem', { as: 'ann:p' })).status).toBe(200);
  });

  it('answers 404 to a write on a row that may not be read', async () => {
    access().add({ table: 'incident', operation: 'read', where: { category: 'network' } });
    expect((await as('ann', 'PATCH', one, { short_description: 'x' })).status).toBe(404);
    expect((await as('ann', 'DELETE', one)).status).toBe(404);
  });

  it('answers 403 to an insert that cannot be read back, although the row is there', async () => {
    access().add({ table: 'incident', operation: 'read', roles: ['reader'] });
    const reply = await as('ann', 'POST', '', { short_description: 'kept' });
    expect(reply.status).toBe(403);
    expect(instance.state.store.findBy('incident', 'short_description', 'kept')).toBeDefined();
  });

  it('drops a column that may not be written, without a word', async () => {
    access().add({ table: 'incident', operation: 'write', field: 'category', roles: [] });
    const reply = await as('ann', 'PATCH', one, { category: 'hardware', short_description: 'new' });
    expect(reply.json).toMatchObject({ result: { category: 'software', short_description: 'new' } });
  });

  it('grants rows by whose they are', async () => {
    access().add({ table: 'incident', operation: 'read', where: { caller_id: '{user}' } });
    const ann = instance.state.store.findBy('sys_user', 'user_name', 'ann')?.['sys_id'] ?? '';
    instance.state.store.assign('incident', '3'.repeat(32), { caller_id: ann });
    const reply = await as('ann', 'GET', '?sysparm_fields=short_description');
    expect(reply.json).toEqual({ result: [{ short_description: 'incident 3' }] });
  });

  it('answers 500 to an importer who may not read transform maps, although the row was stored', async () => {
    access().add({ table: 'sys_transform_map', operation: 'read', roles: ['import_admin'] });
    const reply = await call(instance, 'POST', '/api/now/import/imp_computer', {
      as: 'ann:p',
      json: { name: 'Mac' },
    });
    expect(reply.status).toBe(500);
    expect(reply.json).toMatchObject({ error: { message: 'null value in entry: transform_map=null' } });
    expect(instance.state.store.findBy('cmdb_ci_computer', 'name', 'Mac')).toBeDefined();
  });

  it('shows an importer who may not read staging rows no result, neither at once nor later', async () => {
    access().add({ table: 'imp_computer', operation: 'read', roles: ['import_admin'] });
    const path = '/api/now/import/imp_computer';
    const reply = await call(instance, 'POST', path, { as: 'ann:p', json: { name: 'Mac' } });
    expect([reply.status, reply.text, reply.headers.has('location')]).toEqual([201, '', false]);
    const row = instance.state.store.findBy('imp_computer', 'name', 'Mac');
    const result = (as?: string) =>
      call(instance, 'GET', `${path}/${row?.['sys_id']}`, as === undefined ? {} : { as });
    expect([(await result('ann:p')).status, (await result()).status]).toEqual([404, 200]);
  });
});
