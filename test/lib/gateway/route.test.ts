import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRoute } from '../../../lib/gateway/route.ts';

describe('the path of a request', () => {
  it('gives table and sys_id', () => {
    expect(readRoute('/api/now/table/incident/abc')).toEqual({
      prefix: '',
      tableName: 'incident',
      sysId: 'abc',
    });
  });

  it('keeps the version segment', () => {
    expect(readRoute('/api/now/v1/table/incident')).toEqual({
      prefix: '',
      apiVersion: 'v1',
      tableName: 'incident',
    });
  });

  it('tells the stage or base path apart from ServiceNow’s own path', () => {
    expect(readRoute('/dev/api/now/stats/incident').prefix).toBe('/dev');
    expect(readRoute('/a/b/api/now/v2/import/imp_user/insertMultiple')).toEqual({
      prefix: '/a/b',
      apiVersion: 'v2',
      tableName: 'imp_user',
    });
  });

  it.each([
    '/',
    '/api/now/table',
    '/api/now/table/a/b/c',
    '/api/now/attachment/x',
    '/table/incident',
    '/api/now/table//x',
  ])('refuses %s', (path) => {
    expect(() => readRoute(path)).toThrow(/expected \/api\/now/);
  });

  it('decodes what a caller encoded, so that the check of names sees the real text', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (name) => {
        expect(readRoute(`/api/now/table/${encodeURIComponent(name)}`).tableName).toBe(name);
      }),
    );
  });
});
