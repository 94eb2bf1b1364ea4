import { describe, expect, it } from 'vitest';
import { allowsTable, readConfig, requireSetting, selectInstance } from '../../../lib/core/config.ts';

describe('the configuration', () => {
  it('takes one secret id for the one instance', () => {
    const config = readConfig({
      SERVICENOW_SECRET_ID: 'servicenow/prod',
      ALLOWED_TABLES: 'incident, Problem',
    });
    const instance = selectInstance(config);
    expect(instance.secretId).toBe('servicenow/prod');
    expect(
      ['incident', 'INCIDENT', 'problem', 'sys_user'].map((table) => allowsTable(instance, table)),
    ).toEqual([true, true, true, false]);
  });

  it('takes a map of several instances, each with its own tables, the first being the default', () => {
    const config = readConfig({
      SERVICENOW_SECRET_ID: '{"prod":"a","dev":"b"}',
      ALLOWED_TABLES: '{"prod":"incident","dev":"*"}',
    });
    expect(selectInstance(config).secretId).toBe('a');
    expect(selectInstance(config, 'dev').secretId).toBe('b');
    expect(allowsTable(selectInstance(config, 'prod'), 'problem')).toBe(false);
    expect(allowsTable(selectInstance(config, 'dev'), 'problem')).toBe(true);
  });

  it('allows one list of tables to all instances', () => {
    const config = readConfig({ SERVICENOW_SECRET_ID: '{"prod":"a","dev":"b"}', ALLOWED_TABLES: 'incident' });
    expect(allowsTable(selectInstance(config, 'dev'), 'incident')).toBe(true);
  });

  it('refuses an instance that is not listed, without repeating its name', () => {
    const config = readConfig({ SERVICENOW_SECRET_ID: 'a' });
    expect(() => selectInstance(config, '__proto__')).toThrow(
      'instance: this deployment has no instance of that name',
    );
  });

  it.each([undefined, ''])('names a setting that is required and is %j', (value) => {
    const missing = { code: 'CONFIGURATION_INVALID', setting: 'STATE_TABLE' };
    expect(() => requireSetting('STATE_TABLE', value)).toThrow(expect.objectContaining(missing));
    expect(requireSetting('STATE_TABLE', 'state')).toBe('state');
  });

  it('allows no table when none is listed', () => {
    expect(allowsTable(selectInstance(readConfig({ SERVICENOW_SECRET_ID: 'a' })), 'incident')).toBe(false);
  });

  it('says where a map is no JSON', () => {
    expect(() => readConfig({ SERVICENOW_SECRET_ID: '{"prod":' })).toThrow(
      'SERVICENOW_SECRET_ID: starts with { but is not a JSON object',
    );
  });

  it.each([
    [{ SERVICENOW_SECRET_ID: '{"prod":' }, 'SERVICENOW_SECRET_ID'],
    [{ SERVICENOW_SECRET_ID: '{"prod":1}' }, 'SERVICENOW_SECRET_ID.prod'],
    [{ MAX_IN_FLIGHT: 'four' }, 'MAX_IN_FLIGHT'],
    [{ SECRET_TTL_SECONDS: '0' }, 'SECRET_TTL_SECONDS'],
  ])('names the variable that is wrong: %j', (environment, setting) => {
    expect(() => readConfig(environment)).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION_INVALID', setting }),
    );
  });
});
