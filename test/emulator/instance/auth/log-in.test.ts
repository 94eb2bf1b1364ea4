import { describe, expect, it, onTestFinished } from 'vitest';
import { addAccount } from '../../../../emulator/instance/auth/add-account.ts';
import { type Instance, type InstanceOptions, startInstance } from '../../../../emulator/instance/index.ts';
import { call, type Sending } from '../caller.ts';

async function started(options: InstanceOptions = {}): Promise<Instance> {
  const instance = await startInstance(options);
  onTestFinished(() => instance.close());
  return instance;
}

const list = (instance: Instance, sending: Sending = {}) =>
  call(instance, 'GET', '/api/now/table/incident?sysparm_limit=1', sending);

describe('logging in', () => {
  it.each([
    ['nothing', { as: '' }],
    ['a wrong password', { as: 'integration.user:wrong' }],
    ['an unknown user', { as: 'stranger:x' }],
    ['a dead token', { as: '', headers: { Authorization: 'Bearer dead' } }],
    ['an unknown API key', { as: '', headers: { 'x-sn-apikey': 'unknown' } }],
    ['a scheme it does not know', { as: '', headers: { Authorization: 'Digest x' } }],
  ])('answers %s with the recorded 401', async (_, sending) => {
    const reply = await list(await started(), sending);
    expect(reply.status).toBe(401);
    expect(reply.json).toEqual({
      error: { message: 'User Not Authenticated', detail: 'Required to provide Auth information' },
      status: 'failure',
    });
    expect(reply.headers.get('www-authenticate')).toBe('Basic realm="Service-now"');
    expect(reply.headers.get('connection')).toBe('close');
    expect(reply.headers.has('x-is-logged-in')).toBe(false);
  });

  it('takes an API key from the header or the query', async () => {
    const instance = await started();
    addAccount(instance.control.auth, { userName: 'robot', password: 'p', roles: ['itil'], apiKeys: ['k1'] });
    expect((await list(instance, { as: '', headers: { 'x-sn-apikey': 'k1' } })).status).toBe(200);
    const byQuery = await call(instance, 'GET', '/api/now/table/problem?x-sn-apikey=k1', { as: '' });
    expect(byQuery.status).toBe(200);
    expect(instance.control.ledger.select().at(-1)?.user).toBe('robot');
  });

  it('wants the MFA token of an account that has one', async () => {
    const instance = await started();
    addAccount(instance.control.auth, {
      userName: 'mia',
      password: 'p',
      roles: ['itil'],
      mfaToken: '123456',
    });
    const without = await list(instance, { as: 'mia:p' });
    expect([without.status, without.headers.get('x-mfa_token')]).toEqual([401, 'invalid']);
    const withToken = await list(instance, { as: 'mia:p', headers: { 'X-MFA_TOKEN': '123456' } });
    expect(withToken.status).toBe(200);
  });

  it('lets only holders of snc_basic_auth_api_access use Basic once that is restricted', async () => {
    const instance = await started({ switches: { basicAuthRestricted: true } });
    expect((await list(instance)).status).toBe(401);
    const roles = ['snc_basic_auth_api_access', 'itil'];
    addAccount(instance.control.auth, { userName: 'allowed', password: 'p', roles });
    expect((await list(instance, { as: 'allowed:p' })).status).toBe(200);
  });

  it('restricts Basic by the properties that an instance has for that, from their date on, but for the users listed', async () => {
    const instance = await started();
    addAccount(instance.control.auth, { userName: 'kim', password: 'p', roles: ['itil'] });
    const prefix = 'glide.authenticate.basic_auth.restriction.';
    const set = async (name: string, value: string) => {
      const sysId = instance.state.store.findBy('sys_properties', 'name', prefix + name)?.['sys_id'];
      await call(instance, 'PATCH', `/api/now/table/sys_properties/${sysId}`, { json: { value } });
    };
    const status = async (as?: string) => (await list(instance, as === undefined ? {} : { as })).status;
    await set('allowed_users', `someone, ${instance.username}`);
    await set('active', 'true');
    await set('enforcement_date', '2040-01-01 00:00:00');
    await set('enforce', 'true');
    expect(await status('kim:p')).toBe(200);
    await instance.control.clock.set(Date.UTC(2040, 0, 1));
    expect([await status('kim:p'), await status()]).toEqual([401, 200]);
  });

  it('locks an account out after so many wrong passwords, and refuses the right one from then on', async () => {
    const instance = await started({ switches: { lockAfterFailures: 3 } });
    addAccount(instance.control.auth, { userName: 'leo', password: 'p', roles: ['itil'] });
    const statuses: number[] = [];
    for (const word of ['x', 'x', 'p', 'x', 'x', 'x', 'p']) {
      statuses.push((await list(instance, { as: `leo:${word}` })).status);
    }
    expect(statuses).toEqual([401, 401, 200, 401, 401, 401, 401]);
    expect(instance.state.store.findBy('sys_user', 'user_name', 'leo')?.['locked_out']).toBe('true');
  });

  it('refuses a user who was made inactive through the API', async () => {
    const instance = await started();
    addAccount(instance.control.auth, { userName: 'ida', password: 'p', roles: ['itil'] });
    expect((await list(instance, { as: 'ida:p' })).status).toBe(200);
    const sysId = instance.state.store.findBy('sys_user', 'user_name', 'ida')?.['sys_id'];
    await call(instance, 'PATCH', `/api/now/table/sys_user/${sysId}`, { json: { active: 'false' } });
    expect((await list(instance, { as: 'ida:p' })).status).toBe(401);
  });

  it('adds accounts and applications over /__emulator/', async () => {
    const instance = await started({ control: true });
    const account = { userName: 'eva', password: 'p', roles: ['itil'], apiKeys: ['k2'] };
    await call(instance, 'POST', '/__emulator/accounts', { json: account, as: '' });
    expect((await list(instance, { as: 'eva:p' })).status).toBe(200);
    const client = { clientId: 'c2', clientSecret: 's2', applicationUser: 'eva' };
    await call(instance, 'POST', '/__emulator/oauth-clients', { json: client, as: '' });
    const form = { grant_type: 'client_credentials', client_id: 'c2', client_secret: 's2' };
    expect((await call(instance, 'POST', '/oauth_token.do', { form, as: '' })).status).toBe(200);
  });
});
