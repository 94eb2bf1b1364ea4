import { describe, expect, it } from 'vitest';
import { mapColumns, possibleNames } from '../../../../lib/file-import/plan/map-columns.ts';
import { defaultSettings } from '../../../../lib/file-import/plan/settings.ts';
import type { StagingTable } from '../../../../lib/file-import/plan/staging-table.ts';

const column = (name: string, label: string, maxLength = 40, isTyped = false) => ({
  name,
  label,
  maxLength,
  isTyped,
});
const staging: StagingTable = {
  name: 'imp_x',
  keys: 'labels',
  columns: [
    column('u_code', 'Code'),
    column('u_first_name', 'Given name'),
    column('u_key', 'Row key'),
    column('u_short', 'Short', 20),
    column('u_count', 'Count', 40, true),
    column('u_name', 'Name'),
    column('u_name_2', 'Name'),
  ],
};

const map = (header: readonly string[], settings = {}, keys: StagingTable['keys'] = 'labels') =>
  mapColumns(header, { ...staging, keys }, { ...defaultSettings, ...settings }, 'version');

describe('the columns of a file', () => {
  it('go by name, label or the name that ServiceNow would make of them, in any case', () => {
    const { targets } = map(['U_CODE', 'row KEY', 'First name']);
    expect(targets.map((target) => target?.column)).toEqual(['u_code', 'u_key', 'u_first_name']);
    expect(targets.map((target) => target?.jsonKey)).toEqual(['Code', 'Row key', 'Given name']);
  });

  it('are called by name where insertMultiple or rows mode wants that', () => {
    expect(map(['Code'], {}, 'names').targets[0]?.jsonKey).toBe('u_code');
    expect(map(['Code'], { mode: 'rows' }).targets[0]?.jsonKey).toBe('u_code');
  });

  it.each([
    [
      'no column that is left',
      ['Code', '_line'],
      { ignoredColumns: ['code'] },
      'header: no column is left to import',
    ],
    ['a label that two columns have', ['u_name'], {}, 'u_name and u_name_2 are both labelled "Name"'],
    [
      'a constant for the same column',
      ['Code'],
      { constants: { u_code: 'x' } },
      'constants.u_code: column "Code" of',
    ],
    [
      'the row key in the same column',
      ['Row key'],
      { keyColumn: 'u_key' },
      'keyColumn: column "Row key" of the file',
    ],
    [
      'a constant in the key column',
      [],
      { constants: { u_key: 'x' }, keyColumn: 'u_key' },
      'keyColumn: constants.u_key goes to u_key, too',
    ],
    [
      'too long a constant',
      [],
      { constants: { u_short: 'x'.repeat(21) } },
      '21 characters, u_short takes 20',
    ],
    [
      'too short a key column',
      [],
      { keyColumn: 'u_short' },
      'u_short must hold text of at least 23 characters',
    ],
    ['a key column for numbers', [], { keyColumn: 'u_count' }, 'u_count must hold text'],
    ['a key column that is not there', [], { keyColumn: 'u_nope' }, 'imp_x has no column u_nope'],
    ['the same place twice', ['u_code', 'Code'], {}, 'u_code and Code both go to Code'],
    [
      'a setting for a column that it does not have',
      [],
      { columns: { A: 'u_code' } },
      'the file has no column A',
    ],
  ])('are refused with %s', (_, header, settings, reason) => {
    expect(() => map(header, settings)).toThrow(reason);
  });

  it('of JSON Lines leave out those that share a label, and refuse no file for them', () => {
    const names = possibleNames(staging, defaultSettings);
    expect(names).toContain('u_code');
    expect(names).not.toContain('u_name');
    expect(() => mapColumns(names, staging, defaultSettings, 'version', true)).not.toThrow();
    expect(possibleNames({ ...staging, keys: 'names' }, defaultSettings)).toContain('u_name');
  });

  it('may share a label where names count', () => {
    expect(map(['u_name', 'u_name_2'], {}, 'names').targets).toHaveLength(2);
  });
});
