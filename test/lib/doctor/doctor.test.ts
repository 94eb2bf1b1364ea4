import { describe, expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../../../emulator/instance/index.ts';
import { deadlineAt, systemClock } from '../../../lib/core/clock.ts';
import { examine } from '../../../lib/doctor/examine.ts';
import { type Finding, formatReport, isHealthy } from '../../../lib/doctor/finding.ts';
import type { CallContext } from '../../../lib/servicenow/call.ts';
import { json, refuse, scriptedServer } from '../servicenow/scripted-server.ts';
import { basic, callContext } from '../servicenow/testing.ts';
import { createAuthority } from '../servicenow/transport/certificates.ts';

const run = (secret: unknown, tables: readonly string[] = ['incident'], context: Partial<CallContext> = {}) =>
  examine(
    {
      readSecret: async () => (typeof secret === 'string' ? secret : JSON.stringify(secret)),
      tables,
      allowedHosts: ['127.0.0.1'],
      proxyEnvironment: {},
      clock: systemClock,
    },
    callContext(context),
  );

const states = (findings: readonly Finding[]) => findings.map(({ subject, state }) => `${subject}: ${state}`);

describe('the doctor', () => {
  it('reports no problems for a working deployment, down to the transform map of a staging table', async () => {
    const instance = await startInstance();
    onTestFinished(() => instance.close());
    const auth = { type: 'basic', username: instance.username, password: instance.password };
    const findings = await run({ instanceUrl: instance.url, auth }, ['incident', 'imp_computer']);
    expect(isHealthy(findings)).toBe(true);
    expect(states(findings)).toEqual(
      expect.arrayContaining([
        'secret: ok',
        'reach: ok',
        'grant: ok',
        'clock: ok',
        'table incident: ok',
        'import imp_computer: ok',
      ]),
    );
    expect(formatReport(findings)).not.toContain(instance.password);
  });

  it('says which table does not exist', async () => {
    const instance = await startInstance();
    onTestFinished(() => instance.close());
    const auth = { type: 'basic', username: instance.username, password: instance.password };
    const findings = await run({ instanceUrl: instance.url, auth }, ['incident', 'incidnet']);
    expect(findings.find(({ subject }) => subject === 'table incidnet')).toMatchObject({
      state: 'failed',
      todo: expect.stringContaining('ALLOWED_TABLES'),
    });
    expect(formatReport(findings)).toContain('1 failed');
  });

  it.each([
    ['{"instanceUrl":', 'secret: failed', 'correct the secret'],
    [{ instanceUrl: 'https://evil.test', auth: basic }, 'secret: failed', 'correct the secret'],
    [
      { instanceUrl: 'http://127.0.0.1:1', tls: { cert: 'no PEM', key: 'nor this' } },
      'secret: failed',
      'correct the secret',
    ],
    [{ instanceUrl: 'http://127.0.0.1:1', auth: basic }, 'reach: failed', 'check the network path'],
  ])('stops at what does not work: %j', async (secret, last, todo) => {
    const findings = await run(secret);
    expect(states(findings).at(-1)).toBe(last);
    expect(findings.at(-1)?.todo).toContain(todo);
  });

  it('distinguishes bad credentials from an unreachable instance', async () => {
    const { url } = await scriptedServer((response) => refuse(response, 401, 'User Not Authenticated'));
    expect(states(await run({ instanceUrl: url, auth: basic }))).toEqual([
      'secret: ok',
      'reach: ok',
      'grant: failed',
    ]);
  });

  it('distinguishes a refused grant from a refused token', async () => {
    const { url } = await scriptedServer((response, { url: path }) =>
      path === '/oauth_token.do'
        ? json(response, 401, { error: 'server_error', error_description: 'access_denied' })
        : refuse(response, 401, 'User Not Authenticated'),
    );
    const auth = { type: 'oauth-client-credentials', clientId: 'c', clientSecret: 's' };
    const grant = (await run({ instanceUrl: url, auth })).at(-1);
    expect(grant).toMatchObject({ subject: 'grant', todo: expect.stringContaining('OAuth application') });
    const user = (await run({ instanceUrl: url, auth: basic })).at(-1);
    expect(user).toMatchObject({ subject: 'grant', todo: expect.stringContaining('sign in as this user') });
  });

  it('reports a user who needs a second factor', async () => {
    const user = { userName: 'eva', password: 'correct', mfaToken: '123456', roles: ['itil'] };
    const instance = await startInstance({ accounts: [user] });
    onTestFinished(() => instance.close());
    const auth = { type: 'basic', username: 'eva', password: 'correct' };
    const grant = (await run({ instanceUrl: instance.url, auth })).at(-1);
    expect(grant).toMatchObject({ subject: 'grant', todo: expect.stringContaining('second factor') });
  });

  it('checks the clock even if the first table is refused, and then checks the other tables', async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    const { url } = await scriptedServer((response, { url: path }) =>
      path.includes('/secret_table')
        ? refuse(response, 403, 'User Not Authorized', '', { date })
        : json(response, 200, { result: [{ sys_id: '1' }] }, { 'x-total-count': '1' }),
    );
    const findings = await run({ instanceUrl: url, auth: basic }, ['secret_table', 'in cident', 'incident']);
    expect(states(findings)).toEqual([
      'secret: ok',
      'reach: ok',
      'grant: ok',
      'clock: warning',
      'roles: warning',
      'table secret_table: failed',
      'table in cident: failed',
      'table incident: ok',
    ]);
  });

  it('reports what it has found so far when time runs out', async () => {
    let movedMs = 0;
    const { url, seen } = await scriptedServer((response) => {
      movedMs = 20_000;
      json(response, 200, { result: [] });
    });
    const clock = { now: () => Date.now() + movedMs, sleep: systemClock.sleep };
    const deadline = deadlineAt(clock.now() + 10_000, clock);
    const findings = await run({ instanceUrl: url, auth: basic }, ['incident', 'problem'], { deadline });
    expect(states(findings)).toEqual(
      expect.arrayContaining(['reach: ok', 'roles: failed', 'table problem: failed']),
    );
    expect(seen).toHaveLength(1);
  });

  it.each([
    [20, 'warning'],
    [40, 'ok'],
  ])('warns of a client certificate that expires in %i days', async (days, state) => {
    const authority = await createAuthority('private');
    const { url } = await scriptedServer((response) => json(response, 200, { result: [] }));
    const tls = await authority.issue('integration.user', days);
    const findings = await run({ instanceUrl: url, tls });
    expect(states(findings)).toContain(`certificate: ${state}`);
  });

  it('warns of hidden rows and of clocks that differ', async () => {
    const date = new Date(Date.now() - 3_600_000).toUTCString();
    const { url } = await scriptedServer((response) =>
      json(response, 200, { result: [] }, { 'x-total-count': '24', date }),
    );
    const findings = await run({ instanceUrl: url, auth: basic });
    expect(states(findings)).toEqual(
      expect.arrayContaining(['clock: warning', 'roles: warning', 'table incident: warning']),
    );
    expect(isHealthy(findings)).toBe(true);
  });
});
