import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveSysId, deriveUpsertSysId } from '../../../lib/operations/identity.ts';

describe('a derived sys_id', () => {
  it('is 32 hex digits, the same for the same table and key, in any letter case of the table', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        expect(deriveSysId('incident', key)).toMatch(/^[0-9a-f]{32}$/);
        expect(deriveSysId('INCIDENT', key)).toBe(deriveSysId('incident', key));
      }),
    );
  });

  it('never changes between releases, or what was created would be created again', () => {
    expect(deriveSysId('incident', 'order-7')).toBe('fda45c65b88280c3894af19560a04f56');
    expect(deriveUpsertSysId('incident', { a: '1', b: '2' })).toBe('9105a7edd83cc5bc62925c0f568ab064');
  });

  it('tells tables, keys and purposes apart', () => {
    const ids = [
      deriveSysId('incident', 'a'),
      deriveSysId('incident', 'b'),
      deriveSysId('problem', 'a'),
      deriveUpsertSysId('incident', { a: '1' }),
      deriveUpsertSysId('incident', { a: '2' }),
      deriveUpsertSysId('incident', { 'a"': '1' }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('does not depend on the order of a match', () => {
    expect(deriveUpsertSysId('t', { a: '1', b: '2' })).toBe(deriveUpsertSysId('t', { b: '2', a: '1' }));
  });
});
