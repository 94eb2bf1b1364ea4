import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../../lib/events/pattern.ts';

const matches = (pattern: unknown, event: unknown) => compilePattern(pattern)(event);
const value = (condition: unknown, held: unknown) => matches({ field: [condition] }, { field: held });

describe('an event pattern', () => {
  it.each<[string, unknown, unknown, unknown]>([
    ['text', 'ALARM', 'ALARM', 'alarm'],
    ['a number', 5, 5, '5'],
    ['a boolean', true, true, 'true'],
    ['null', null, null, ''],
    ['a prefix', { prefix: 'aws.' }, 'aws.ec2', 'my.aws.'],
    ['a prefix without case', { prefix: { 'equals-ignore-case': 'AWS.' } }, 'aws.ec2', 'ec2'],
    ['a suffix', { suffix: '.png' }, 'a.png', 'a.PNG'],
    ['a suffix without case', { suffix: { 'equals-ignore-case': '.png' } }, 'a.PNG', 'a.gif'],
    ['text without case', { 'equals-ignore-case': 'ALARM' }, 'alarm', 'alarms'],
    ['a wildcard', { wildcard: 'dir/*.png' }, 'dir/a/b.png', 'dir/b.pngs'],
    ['a wildcard whose ends would overlap', { wildcard: 'ab*ba' }, 'abba', 'aba'],
    ['an escaped star', { wildcard: 'a\\*b' }, 'a*b', 'axb'],
    ['a wildcard with several parts', { wildcard: '*a*bc*' }, 'xxabcd', 'xbca'],
    ['a number in a range', { numeric: ['>', 0, '<=', 5] }, 5, 0],
    ['a number that equals', { numeric: ['=', 3.018e2] }, 301.8, '301.8'],
    ['an address in a block', { cidr: '10.0.0.0/24' }, '10.0.0.255', '10.0.1.0'],
    ['an IPv6 address in a block', { cidr: '2001:db8::/32' }, '2001:db8::1', '2001:db9::1'],
    ['anything but text', { 'anything-but': 'OK' }, 'ALARM', 'OK'],
    ['anything but several', { 'anything-but': ['OK', 'ALARM'] }, 'INSUFFICIENT_DATA', 'ALARM'],
    ['anything but numbers', { 'anything-but': [1, 2] }, 3, 2],
    ['anything but prefixes', { 'anything-but': { prefix: ['a', 'b'] } }, 'cab', 'bca'],
    ['anything but a suffix', { 'anything-but': { suffix: '.tmp' } }, 'a.txt', 'a.tmp'],
    ['anything but without case', { 'anything-but': { 'equals-ignore-case': ['x'] } }, 'y', 'X'],
    ['anything but wildcards', { 'anything-but': { wildcard: ['*/lib/*', 'tmp*'] } }, 'src/a', 'a/lib/b'],
    ['one element of a list', 'b', ['a', 'b'], ['a', 'c']],
    ['a field that exists', { exists: true }, null, { deeper: 1 }],
  ])('finds %s', (_what, condition, hit, miss) => {
    expect(value(condition, hit)).toBe(true);
    expect(value(condition, miss)).toBe(false);
  });

  it('takes an absent or empty field for one that does not exist', () => {
    const absent = { field: [{ exists: false }] };
    expect([{}, { field: [] }, { field: {} }].map((event) => matches(absent, event))).toEqual([
      true,
      true,
      true,
    ]);
    expect(matches(absent, { field: '' })).toBe(false);
    expect(matches({ field: [{ exists: false }, 'x'] }, { field: 'x' })).toBe(true);
    expect(matches({ field: [{ 'anything-but': 'x' }] }, {})).toBe(false);
  });

  it('needs every field, and one alternative of $or', () => {
    const pattern = { source: ['a'], $or: [{ kind: ['x'] }, { size: [{ numeric: ['>', 1] }] }] };
    expect(matches(pattern, { source: 'a', kind: 'x' })).toBe(true);
    expect(matches(pattern, { source: 'a', size: 2 })).toBe(true);
    expect(matches(pattern, { source: 'a', size: 1 })).toBe(false);
    expect(matches(pattern, { source: 'b', kind: 'x' })).toBe(false);
    expect(matches({ detail: { $or: [{ a: [1] }, { b: [1] }] } }, { detail: { b: 1 } })).toBe(true);
  });

  it('needs the fields below a list in one and the same element', () => {
    const pattern = { findings: { severity: ['HIGH'], state: ['NEW'] } };
    const other = { severity: 'LOW', state: 'NEW' };
    expect(matches(pattern, { findings: [other, { severity: 'HIGH', state: 'NEW' }] })).toBe(true);
    expect(matches(pattern, { findings: [other, { severity: 'HIGH', state: 'OLD' }] })).toBe(false);
    expect(matches(pattern, { findings: 'HIGH' })).toBe(false);
  });

  it('sees own fields only', () => {
    expect(matches({ constructor: { name: ['Object'] } }, {})).toBe(false);
    expect(matches({ toString: [{ exists: true }] }, {})).toBe(false);
  });

  it.each<[string, unknown, string]>([
    ['no object', 'ALARM', 'when:'],
    ['an empty object', {}, 'when:'],
    ['a value outside a list', { source: 'aws.ec2' }, 'when.source:'],
    ['an empty list', { source: [] }, 'when.source:'],
    ['an unknown operator', { source: [{ regex: '.*' }] }, 'when.source[0]:'],
    ['two operators at once', { source: [{ prefix: 'a', suffix: 'b' }] }, 'when.source[0]:'],
    ['an operator of a prototype', { source: [{ constructor: 'a' }] }, 'when.source[0]:'],
    ['two stars in a row', { source: [{ wildcard: 'a**' }] }, 'when.source[0].wildcard:'],
    ['a backslash before a letter', { source: [{ wildcard: 'a\\b' }] }, 'when.source[0].wildcard:'],
    ['an unknown comparison', { n: [{ numeric: ['!=', 1] }] }, 'when.n[0].numeric:'],
    ['a number out of range', { n: [{ numeric: ['>', 6e9] }] }, 'when.n[0].numeric:'],
    ['bounds in the wrong order', { n: [{ numeric: ['<', 6, '>', 1] }] }, 'when.n[0].numeric:'],
    ['a mask that is too long', { ip: [{ cidr: '10.0.0.0/33' }] }, 'when.ip[0].cidr:'],
    ['a host name as a block', { ip: [{ cidr: 'localhost/8' }] }, 'when.ip[0].cidr:'],
    ['texts and numbers mixed', { a: [{ 'anything-but': ['a', 1] }] }, 'when.a[0].anything-but:'],
    ['exists with text', { a: [{ exists: 'yes' }] }, 'when.a[0].exists:'],
    ['one alternative', { $or: [{ a: [1] }] }, 'when.$or:'],
    ['a list within a list', { a: [['b']] }, 'when.a[0]:'],
  ])('is refused with %s', (_what, pattern, field) => {
    expect(() => compilePattern(pattern)).toThrow(field);
  });
});
