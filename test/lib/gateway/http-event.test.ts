import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findOperation, pathParameters, readPath } from '../../../lib/gateway/http-event.ts';
import { operations } from '../../../lib/operations/catalog.ts';
import { getRecordsStagingTable, postRecordsStagingTable } from '../../../lib/operations/import-set.ts';
import { getRecordById, getRecords } from '../../../lib/operations/table.ts';

const variablesOf = (path: string, operation = getRecordById) =>
  pathParameters(path, readPath(path), operation);

describe('the path of a request', () => {
  it('gives table and sys_id', () => {
    expect(variablesOf('/api/now/table/incident/abc')).toEqual({ tableName: 'incident', sysId: 'abc' });
  });

  it('keeps the version segment', () => {
    expect(variablesOf('/api/now/v1/table/incident', getRecords)).toEqual({
      apiVersion: 'v1',
      tableName: 'incident',
    });
  });

  it('separates the stage or base path from ServiceNow’s own path', () => {
    expect(readPath('/dev/api/now/stats/incident').prefix).toBe('/dev');
    const path = '/a/b/api/now/v2/import/imp_user/insertMultiple';
    expect(readPath(path).prefix).toBe('/a/b');
    expect(variablesOf(path, postRecordsStagingTable)).toEqual({ apiVersion: 'v2', tableName: 'imp_user' });
  });

  it.each([
    '/',
    '/api/now/table',
    '/api/now/attachment/x',
    '/table/incident',
    '/api/now/table//x',
    '/api/now/TABLE/incident/x',
  ])('is refused when it is %s', (path) => {
    expect(() => variablesOf(path)).toThrow(/expected \/api\/now/);
  });

  it('is decoded once, so that the check of names sees the text that is sent', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (name) => {
        expect(variablesOf(`/api/now/table/${encodeURIComponent(name)}`, getRecords)['tableName']).toBe(name);
      }),
    );
    expect(variablesOf('/api/now/table/sys%255Fuser', getRecords)['tableName']).toBe('sys%5Fuser');
  });

  it.each(['%20', '.', '..', "'", '%2F', 'a%20b', 'x'.repeat(33), '%E2%80%8B', 'a/b', '/', '../x', 'a/b/c/'])(
    'answers as for a record that does not exist when its sys_id is %s',
    (sysId) => {
      expect(() => variablesOf(`/api/now/table/incident/${sysId}`)).toThrow(
        expect.objectContaining({ code: 'RECORD_NOT_FOUND', httpStatus: 404 }),
      );
    },
  );
});

describe('the operation of a method and path', () => {
  it('is the one whose fixed segments fit, before those with variables', () => {
    const find = (method: string, path: string) => findOperation(operations, method, `/api/now${path}`).name;
    expect(find('GET', '/table/incident')).toBe('getRecords');
    expect(find('POST', '/import/imp_user/insertMultiple')).toBe('postRecordsStagingTable');
    expect(find('GET', '/import/imp_user/insertMultiple')).toBe(getRecordsStagingTable.name);
    expect(find('POST', '/attachment/file')).toBe('postAttachment');
    expect(find('POST', '/table/incident/1')).toBe('postMethodOverride');
    expect(() => find('PUT', '/table/incident')).toThrow(/expected/);
  });
});
