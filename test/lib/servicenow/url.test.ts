import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attachmentPath,
  importPath,
  insertMultiplePath,
  statsPath,
  tablePath,
} from '../../../lib/servicenow/url.ts';

const anything = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.webPath(),
  fc.constantFrom('..', '%2e%2e', 'a/b', 'a?b', 'a#b', ''),
);

describe('a path', () => {
  it('follows the API, with and without a version', () => {
    expect(tablePath('incident')).toBe('/api/now/table/incident');
    expect(tablePath('incident', 'a'.repeat(32), 'v2')).toBe(`/api/now/v2/table/incident/${'a'.repeat(32)}`);
    expect(statsPath('incident', 'v1')).toBe('/api/now/v1/stats/incident');
    expect(importPath('imp_computer')).toBe('/api/now/import/imp_computer');
    expect(insertMultiplePath('imp_computer')).toBe('/api/now/import/imp_computer/insertMultiple');
    expect(attachmentPath('b'.repeat(32), true)).toBe(`/api/now/attachment/${'b'.repeat(32)}/file`);
  });

  it('is changed by no table name and no sys_id: they fit in one segment or are refused', () => {
    fc.assert(
      fc.property(anything, anything, (table, sysId) => {
        const path = attempt(() => tablePath(table, sysId));
        if (path === undefined) return;
        expect(new URL(path, 'https://dev1.service-now.com').pathname).toBe(path);
        expect(path.split('/')).toEqual(['', 'api', 'now', 'table', table, sysId]);
      }),
      { seed: 11 },
    );
  });

  it.each(['', 'a'.repeat(81), 'in-cident', 'incident ', 'incident/..', 'ïncident', 'incident\n'])(
    'refuses the table name %j',
    (table) => {
      expect(() => tablePath(table)).toThrow(
        expect.objectContaining({ code: 'INVALID_INPUT', field: 'tableName' }),
      );
    },
  );

  it.each(['', '..', 'a'.repeat(33), `${'a'.repeat(31)}/`, 'a b'])('refuses the sys_id %j', (sysId) => {
    expect(() => tablePath('incident', sysId)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field: 'sysId' }),
    );
  });
});

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
