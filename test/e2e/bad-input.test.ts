import { describe, expect, it } from 'vitest';
import { call, held, invoke, uniqueWord } from './running-stack.ts';

const failure = (part: string) => ({
  error: { message: expect.any(String), detail: expect.stringContaining(part) },
  status: 'failure',
});

describe('over HTTP, bad input is answered in ServiceNow’s envelope', () => {
  it.each([
    ['a body that is no JSON', 'POST', '/api/now/table/incident', '{"short_description":', 400, 'body'],
    [
      'a list where one record is due',
      'POST',
      '/api/now/table/incident',
      [{ short_description: 'x' }],
      400,
      'must be a single record',
    ],
    [
      'a limit that is no number',
      'GET',
      '/api/now/table/incident?sysparm_limit=ten',
      undefined,
      400,
      'sysparm_limit',
    ],
    [
      'a sys_id that would leave its path',
      'GET',
      '/api/now/table/incident/..%2F..%2Fx',
      undefined,
      404,
      "Record doesn't exist",
    ],
    [
      'a sys_id that is none',
      'GET',
      '/api/now/table/incident/no%22id',
      undefined,
      404,
      "Record doesn't exist",
    ],
    ['a table that is not listed', 'GET', '/api/now/table/sys_properties', undefined, 403, 'sys_properties'],
  ])('%s', async (_what, method, path, body, status, part) => {
    const answer = await call(method, path, body);
    expect({ status: answer.status, body: answer.body }).toEqual({ status, body: failure(part) });
  });

  it('a table that the instance does not know', async () => {
    const answer = await call('POST', '/api/now/table/in%3Fcident', { short_description: 'x' });
    expect(answer.status).toBe(400);
  });

  it('stores nothing of a list', async () => {
    const word = uniqueWord();
    await call('POST', '/api/now/table/incident', [{ short_description: word }, { short_description: word }]);
    expect(await held('incident', `short_description=${word}`)).toEqual([]);
  });

  it('ignores pairs next to an encoded query, as an instance does, and names them', async () => {
    const answer = await call(
      'GET',
      '/api/now/table/incident?sysparm_query=active=true&sysparm_limit=1&state=1',
    );
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-ignored-parameters')).toBe('state');
  });

  it('answers an unknown route as API Gateway does', async () => {
    expect(await call('GET', '/api/now/nowhere')).toMatchObject({
      status: 404,
      body: { message: 'Not Found' },
    });
  });
});

describe('directly, bad input is an error with a name and a field', () => {
  it.each([
    ['no table', 'getRecords', {}, 'InvalidInputError', 'tableName'],
    [
      'an unknown parameter',
      'getRecords',
      { tableName: 'incident', sysparmQeury: 'x' },
      'InvalidInputError',
      'sysparmQeury',
    ],
    ['no record', 'postRecord', { tableName: 'incident' }, 'InvalidInputError', 'record'],
    [
      'a bad sys_id',
      'deleteRecordById',
      { tableName: 'incident', sysId: '../x' },
      'InvalidInputError',
      'sysId',
    ],
    [
      'a table that is not listed',
      'getRecords',
      { tableName: 'sys_properties' },
      'TableNotAllowedError',
      'sys_properties',
    ],
  ])('%s', async (_what, key, event, name, part) => {
    const { errorType, errorMessage } = await invoke(key, event);
    expect(errorType).toBe(name);
    expect(errorMessage).toContain(part);
  });
});
