import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../lib/core/clock.ts';
import { examine } from '../../../../lib/operations/doctor/examine.ts';
import type { Finding } from '../../../../lib/operations/doctor/finding.ts';
import { formatReport, isHealthy } from '../../../../lib/operations/doctor/report.ts';
import { startInstance } from '../../../../local/instance/index.ts';
import { json, refuse, scriptedServer } from '../../servicenow/scripted-server.ts';
import { basic, callContext } from '../../servicenow/testing.ts';

const run = (secret: unknown, tables: readonly string[] = ['incident']) =>
  examine(
    {
      readSecret: async () => (typeof secret === 'string' ? secret : JSON.stringify(secret)),
      tables,
      allowedHosts: ['127.0.0.1'],
      proxyEnvironment: {},
      clock: systemClock,
    },
    callContext(),
  );

const states = (findings: readonly Finding[]) => findings.map(({ subject, state }) => `${subject}: ${state}`);

describe('the doctor', () => {
  it('finds a sound deployment sound, down to the transform map of a staging table', async () => {
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
    ['{"instanceUrl":', 'secret: failed'],
    [{ instanceUrl: 'https://evil.test', auth: basic }, 'secret: failed'],
    [{ instanceUrl: 'http://127.0.0.1:1', auth: basic }, 'reach: failed'],
  ])('stops at what does not work: %j', async (secret, last) => {
    const findings = await run(secret);
    expect(states(findings).at(-1)).toBe(last);
    expect(findings.at(-1)?.todo).toBeTruthy();
  });

  it('tells bad credentials from an instance that cannot be reached', async () => {
    const { url } = await scriptedServer((response) => refuse(response, 401, 'User Not Authenticated'));
    expect(states(await run({ instanceUrl: url, auth: basic }))).toEqual([
      'secret: ok',
      'reach: ok',
      'grant: failed',
    ]);
  });

  it('notices rows that are counted but hidden, and clocks that differ', async () => {
    const date = new Date(Date.now() - 3_600_000).toUTCString();
    const { url } = await scriptedServer((response) =>
      json(response, 200, { result: [] }, { 'x-total-count': '24', date }),
    );
    const findings = await run({ instanceUrl: url, auth: basic });
    expect(states(findings)).toEqual(
      expect.arrayContaining(['clock: look', 'roles: look', 'table incident: look']),
    );
    expect(isHealthy(findings)).toBe(true);
  });
});
