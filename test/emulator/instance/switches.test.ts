import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addAccount } from '../../../emulator/instance/auth/add-account.ts';
import { type Instance, startInstance } from '../../../emulator/instance/index.ts';
import type { Switches } from '../../../emulator/instance/switches.ts';
import { call } from './caller.ts';
import { create, recordsIn } from './records.ts';

let instance: Instance;

beforeAll(async () => {
  instance = await startInstance({
    demoData: false,
    schema: { tables: [{ name: 'incident', columns: [{ name: 'u_ticket', unique: true }] }] },
    data: { incident: Array.from({ length: 20 }, (_, at) => ({ u_ticket: `T${at}`, number: `N${at}` })) },
  });
});
afterAll(() => instance.close());
beforeEach(() => instance.control.reset());

const set = (switches: Partial<Switches>) => instance.control.change(switches);
const page = (query: string) => call(instance, 'GET', `/api/now/table/incident?${query}`);
const failure = (message: string, detail: string | null) => ({
  error: { message, detail },
  status: 'failure',
});

describe('where instances differ, a switch chooses the behaviour', () => {
  it('a value that a unique column has is refused in the words of the database, a taken sys_id as ever', async () => {
    const { sys_id } = await create(instance, 'incident', { number: 'MINE' });
    const rename = () =>
      call(instance, 'PATCH', `/api/now/table/incident/${sys_id}`, { json: { u_ticket: 'T3' } });
    const [usual] = [await rename()];
    set({ duplicatesInDatabaseWords: true });
    const post = await call(instance, 'POST', '/api/now/table/incident', { json: { u_ticket: 'T3' } });
    const taken = await call(instance, 'POST', '/api/now/table/incident', { json: { sys_id, number: 'X' } });
    expect([usual.json, post.json, taken.json]).toEqual([
      failure('Operation Failed', 'Error during insert of incident (MINE)'),
      failure(
        'Operation Failed',
        "Unique Key violation detected by database ((conn=1) Duplicate entry 'T3' for key 'u_ticket')",
      ),
      failure('Operation Failed', 'Error during insert of incident (X)'),
    ]);
  });

  it('Accept, and with a body Content-Type, may be asked for', async () => {
    set({ requireMediaTypes: true });
    const without = await call(instance, 'GET', '/api/now/table/incident', { headers: { Accept: '' } });
    const body = new Uint8Array(Buffer.from('{}'));
    const untyped = await call(instance, 'POST', '/api/now/table/incident', { body });
    expect([without.json, untyped.json]).toEqual([
      failure('Bad Request', 'Missing header: Accept'),
      failure('Bad Request', 'Missing header: Content-Type'),
    ]);
    expect((await page('sysparm_limit=1')).status).toBe(200);
  });

  it('pages may have a most of rows, which the links then go by', async () => {
    set({ maxLimit: 7 });
    for (const query of ['', 'sysparm_limit=100']) {
      const reply = await page(query);
      expect(recordsIn(reply)).toHaveLength(7);
      expect(reply.headers.get('link')).toContain('sysparm_limit=7&sysparm_offset=7>;rel="next"');
    }
    expect(recordsIn(await page('sysparm_limit=2'))).toHaveLength(2);
  });

  it('a page that begins within the first may have a prev, below zero', async () => {
    const link = async () => (await page('sysparm_limit=5&sysparm_offset=3')).headers.get('link');
    expect(await link()).not.toContain('rel="prev"');
    set({ prevBelowStart: true });
    expect(await link()).toContain('sysparm_offset=-2>;rel="prev"');
    expect((await page('sysparm_limit=5')).headers.get('link')).not.toContain('rel="prev"');
  });

  it.each([
    ['invalid_client', 401, { grant_type: 'password', client_id: 'x', client_secret: 'y' }],
    ['unsupported_grant_type', 400, { grant_type: 'magic' }],
    ['invalid_grant', 400, { grant_type: 'refresh_token', refresh_token: 'dead' }],
  ])('a refused grant may say %s', async (error, status, form) => {
    set({ oauthErrorsByRfc: true });
    const { clientId, clientSecret } = instance.oauth;
    const sent = { client_id: clientId, client_secret: clientSecret, ...form };
    const reply = await call(instance, 'POST', '/oauth_token.do', { as: '', form: sent });
    expect([reply.status, reply.json]).toEqual([status, { error_description: 'access_denied', error }]);
  });

  it('an API key may stand in another parameter', async () => {
    addAccount(instance.control.auth, { userName: 'robot', password: 'p', roles: ['itil'], apiKeys: ['k'] });
    set({ apiKeyParameter: 'key' });
    const status = async (query: string) =>
      (await call(instance, 'GET', `/api/now/table/incident?${query}`, { as: '' })).status;
    expect([await status('key=k'), await status('x-sn-apikey=k')]).toEqual([200, 401]);
  });

  it('sysparm_suppress_auto_sys_field may mean nothing', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    set({ honourSuppressAutoSysField: false });
    const path = `/api/now/table/incident/${sys_id}?sysparm_suppress_auto_sys_field=true`;
    const reply = await call(instance, 'PATCH', path, { json: { description: 'new' } });
    expect(reply.json).toMatchObject({ result: { sys_mod_count: '1' } });
  });

  it('bodies may be held to another length', async () => {
    set({ maxContentLengthBytes: 100 });
    const json = { description: 'x'.repeat(100) };
    const reply = await call(instance, 'POST', '/api/now/table/incident', { json });
    expect([reply.status, reply.text]).toEqual([400, expect.stringContaining('Max allowed: 100 bytes.')]);
  });

  it('a batch may be held to other lengths and times', async () => {
    const item = { id: 'a', method: 'GET', url: '/api/now/table/incident?sysparm_fields=number' };
    const unserviced = async () =>
      (await call(instance, 'POST', '/api/now/v1/batch', { json: { rest_requests: [item] } })).json;
    expect(await unserviced()).toMatchObject({ unserviced_requests: [] });
    set({ batchMaxOutputBytes: 100 });
    expect(await unserviced()).toMatchObject({ unserviced_requests: ['a'] });
    set({ batchMaxOutputBytes: 10_000, batchTimeLimitMs: 0 });
    expect(await unserviced()).toMatchObject({ unserviced_requests: ['a'] });
  });

  it('an attachment may be too large with another status, and stay pending for a while', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    const upload = (body: string) =>
      call(
        instance,
        'POST',
        `/api/now/attachment/file?table_name=incident&table_sys_id=${sys_id}&file_name=a`,
        {
          body,
          headers: { 'Content-Type': 'text/plain' },
        },
      );
    set({ attachmentMaxBytes: 3, attachmentOversizeStatus: 400, attachmentScanMs: 5_000 });
    expect([(await upload('long')).status, (await upload('ok')).status]).toEqual([400, 201]);
    const state = () => instance.state.store.select('sys_attachment')[0]?.['state'];
    await instance.control.clock.advance(4_000);
    const before = state();
    await instance.control.clock.advance(1_000);
    expect([before, state()]).toEqual(['pending', 'available']);
  });

  it('fewer requests may wait', async () => {
    set({ semaphorePermits: 1, semaphoreQueue: 0 });
    const permit = await instance.control.semaphore.acquire();
    const refused = await page('sysparm_limit=1');
    permit?.release();
    expect([refused.status, (await page('sysparm_limit=1')).status]).toEqual([429, 200]);
  });

  it('insertMultiple may not be installed', async () => {
    set({ insertMultipleInstalled: false });
    const path = '/api/now/import/imp_computer/insertMultiple';
    const reply = await call(instance, 'POST', path, { json: { records: [] } });
    expect([reply.status, reply.json]).toEqual([
      400,
      failure('Requested URI does not represent any resource', null),
    ]);
  });

  it('a table that takes no import rows may be reported as the error of a row', async () => {
    set({ invalidStagingTableAsRowError: true });
    const reply = await call(instance, 'POST', '/api/now/import/incident', { json: { number: 'x' } });
    expect([reply.status, reply.json]).toEqual([
      201,
      {
        import_set: '',
        staging_table: 'incident',
        result: [{ table: 'incident', status: 'error', error_message: 'Invalid staging table' }],
      },
    ]);
  });
});
