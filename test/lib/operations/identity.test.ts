import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveSysId, deriveUpsertSysId } from '../../../lib/operations/identity.ts';

describe('a derived sys_id', () => {
  it('is 32 hex digits, the same for the same table and key, in any letter case of the table', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        expect(deriveSysId('d', 'incident', key)).toMatch(/^[0-9a-f]{32}$/);
        expect(deriveSysId('d', 'INCIDENT', key)).toBe(deriveSysId('d', 'incident', key));
      }),
    );
  });

  it('never changes between releases, or what was created would be created again', () => {
    expect(deriveSysId('d', 'incident', 'order-7')).toBe('2c38f0a60e7b0b8ee8c0e77f3371b2e8');
    expect(deriveUpsertSysId('d', 'incident', { a: '1', b: '2' }, 0)).toBe(
      'c81dbdea4a0e64ae637fd52962f04b60',
    );
  });

  it('differs by table, key and purpose', () => {
    const ids = [
      deriveSysId('d', 'incident', 'a'),
      deriveSysId('other deployment', 'incident', 'a'),
      deriveUpsertSysId('d', 'incident', { a: '1' }, 1),
      deriveSysId('d', 'incident', 'b'),
      deriveSysId('d', 'problem', 'a'),
      deriveUpsertSysId('d', 'incident', { a: '1' }, 0),
      deriveUpsertSysId('d', 'incident', { a: '2' }, 0),
      deriveUpsertSysId('d', 'incident', { 'a"': '1' }, 0),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('does not depend on the order of a match', () => {
    expect(deriveUpsertSysId('d', 't', { a: '1', b: '2' }, 0)).toBe(
      deriveUpsertSysId('d', 't', { b: '2', a: '1' }, 0),
    );
  });

  it('is the same for matches that an instance treats as equal', () => {
    const idOf = (name: string, active = 'true') => deriveUpsertSysId('d', 't', { name, active }, 0);
    const ids = ['Web-01', ' web-01 ', 'WÉB-01'].map((name) => idOf(name));
    expect(new Set([...ids, idOf('web-01', '1')]).size).toBe(1);
    expect(new Set(['ΣΑΣ', 'σας', 'σασ'].map((name) => idOf(name))).size).toBe(1);
  });
});
