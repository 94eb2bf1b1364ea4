import { describe, expect, it } from 'vitest';
import { deriveEpisodeSysId } from '../../../lib/operations/identity.ts';
import { durationMs, groupNameOf, readSignal } from '../../../lib/operations/signal.ts';

const signal = {
  ...{ signal: 'open', source: 'disk', key: 'web-01', at: '2026-11-29T08:00:00Z', eventId: 'e-1' },
  fields: { short_description: 'Disk full' },
};

describe('a signal', () => {
  it('is an incident by default, and may leave the action out', () => {
    expect(readSignal(signal)).toEqual({ action: 'signal', ...signal });
  });

  it.each([
    ['signal', { signal: 'close' }],
    ['source', { source: 'a b' }],
    ['source', { source: 'x'.repeat(41) }],
    ['key', { key: ' ' }],
    ['key', { key: 'x'.repeat(513) }],
    ['at', { at: 'yesterday' }],
    ['at', { at: '2026-11-31' }],
    ['at', { at: '2026-02-30T08:00:00Z' }],
    ['eventId', { eventId: undefined }],
    ['target', { target: 'incident?x=1' }],
    ['life', { life: 'full' }],
    ['fields.Impact', { fields: { Impact: 1 } }],
    ['update', { update: 'impact' }],
    ['lookups.caller_id.by', { lookups: { caller_id: { find: 'sys_user', by: {} } } }],
    ['note', { note: '' }],
    ['resolve.unless', { resolve: { unless: 'busy' } }],
    ['reopen.within', { reopen: { within: '4 hours' } }],
    ['reopen.atMost', { reopen: { atMost: -1 } }],
    ['fileds', { fileds: {} }],
    ['action', { action: 'create' }],
  ])('names the field %s when it is wrong', (field, change) => {
    expect(() => readSignal({ ...signal, ...change })).toThrow(
      new RegExp(`^${field.replaceAll('.', '\\.')}: `),
    );
  });

  it('has durations of days, hours, minutes and seconds', () => {
    expect(['PT4H', 'P1D', 'P1DT1H1M1S', 'PT0S'].map(durationMs)).toEqual([
      14_400_000, 86_400_000, 90_061_000, 0,
    ]);
  });

  it('shares its group and its records with those of the same source and key only', () => {
    const names = [
      { source: 'a', key: 'b' },
      { source: 'a","b', key: '' },
      { source: 'a', key: 'B' },
    ];
    expect(new Set(names.map(groupNameOf)).size).toBe(3);
    const ids = names.flatMap((name) => [1, 2].map((n) => deriveEpisodeSysId('d', 'incident', name, n)));
    expect(new Set(ids).size).toBe(6);
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
  });
});
