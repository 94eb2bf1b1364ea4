import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../../../emulator/aws/event-bridge/pattern.ts';

const matches = (pattern: object, event: object) =>
  compilePattern(JSON.stringify(pattern))(JSON.parse(JSON.stringify(event)));

describe('an event pattern', () => {
  it.each([
    ['an exact text', { a: ['x'] }, { a: 'x' }, { a: 'X' }],
    ['an exact number, however it is written', { a: [300] }, { a: 3e2 }, { a: '300' }],
    ['null', { a: [null] }, { a: null }, { b: 1 }],
    ['an empty text', { a: [''] }, { a: '' }, { a: null }],
    ['one of several', { a: ['x', 'y'] }, { a: 'y' }, { a: 'z' }],
    ['any element of a list', { a: ['x'] }, { a: ['z', 'x'] }, { a: ['z'] }],
    ['every field', { a: ['x'], b: ['y'] }, { a: 'x', b: 'y' }, { a: 'x' }],
    ['a prefix', { a: [{ prefix: 'arn:aws:' }] }, { a: 'arn:aws:sns' }, { a: 'xarn:aws:' }],
    ['a prefix in any case', { a: [{ prefix: { 'equals-ignore-case': 'EU' } }] }, { a: 'eu-1' }, { a: 'us' }],
    ['a suffix', { a: [{ suffix: '.png' }] }, { a: 'a.png' }, { a: 'a.png2' }],
    [
      'a suffix in any case',
      { a: [{ suffix: { 'equals-ignore-case': '.PNG' } }] },
      { a: 'a.png' },
      { a: 'a' },
    ],
    ['a text in any case', { a: [{ 'equals-ignore-case': 'alarm' }] }, { a: 'ALARM' }, { a: 'ALARMS' }],
    ['a value that is there', { a: [{ exists: true }] }, { a: null }, { b: 1 }],
    ['a value that is not there', { a: [{ exists: false }] }, { b: 1 }, { a: 1 }],
    ['no value where an object is', { a: [{ exists: false }] }, { a: { b: 1 } }, { a: false }],
    ['a range', { a: [{ numeric: ['>', 0, '<=', 5] }] }, { a: 5 }, { a: 0 }],
    ['an equal number', { a: [{ numeric: ['=', 1.5] }] }, { a: 1.5 }, { a: '1.5' }],
    ['an address in a network', { a: [{ cidr: '10.0.0.0/24' }] }, { a: '10.0.0.255' }, { a: '10.0.1.0' }],
    ['an IPv6 address', { a: [{ cidr: '2001:db8::/32' }] }, { a: '2001:db8::1' }, { a: '10.0.0.1' }],
    ['anything but a text', { a: [{ 'anything-but': 'x' }] }, { a: 'y' }, { a: 'x' }],
    ['anything but, where nothing is', { a: [{ 'anything-but': 'x' }] }, { a: 1 }, {}],
    ['anything but several numbers', { a: [{ 'anything-but': [1, 2] }] }, { a: 3 }, { a: 2 }],
    ['anything but prefixes', { a: [{ 'anything-but': { prefix: ['x', 'y'] } }] }, { a: 'z' }, { a: 'ya' }],
    ['anything but a suffix', { a: [{ 'anything-but': { suffix: 'x' } }] }, { a: 'xa' }, { a: 'ax' }],
    [
      'anything but in any case',
      { a: [{ 'anything-but': { 'equals-ignore-case': ['X'] } }] },
      { a: 'y' },
      { a: 'x' },
    ],
    ['anything but a wildcard', { a: [{ 'anything-but': { wildcard: '*/x' } }] }, { a: '/y' }, { a: 'b/x' }],
    ['a wildcard', { a: [{ wildcard: 'a*c*e' }] }, { a: 'abcde' }, { a: 'ace ' }],
    [
      'a wildcard whose ends overlap in the text',
      { a: [{ wildcard: 'aba*ba' }] },
      { a: 'ababa' },
      { a: 'aba' },
    ],
    ['an escaped wildcard', { a: [{ wildcard: 'a\\*\\\\b' }] }, { a: 'a*\\b' }, { a: 'axxb' }],
    ['nested fields', { a: { b: ['x'] } }, { a: { b: 'x', c: 1 } }, { a: { c: 'x' } }],
    ['one of two alternatives', { $or: [{ a: ['x'] }, { b: { c: ['y'] } }] }, { b: { c: 'y' } }, { a: 'y' }],
    ['alternatives inside an object', { d: { $or: [{ a: [1] }, { b: [2] }] } }, { d: { b: 2 } }, { b: 2 }],
    [
      'two conditions on the same object of a list',
      { list: { a: ['x'], b: ['y'] } },
      { list: [{ a: 'z' }, { a: 'x', b: 'y' }] },
      { list: [{ a: 'x' }, { b: 'y' }] },
    ],
    ['nothing on a prototype', { constructor: [{ exists: false }] }, {}, { constructor: 'x' }],
  ])('matches %s', (_, pattern, event, other) => {
    expect(matches(pattern, event)).toBe(true);
    expect(matches(pattern, other)).toBe(false);
  });

  it.each([
    ['no JSON', '{'],
    ['no object', '["a"]'],
    ['nothing', '{}'],
    ['a value that is no list', '{"a":"x"}'],
    ['an empty list', '{"a":[]}'],
    ['a list in a list', '{"a":[["x"]]}'],
    ['an unknown operator', '{"a":[{"like":"x"}]}'],
    ['two operators in one', '{"a":[{"prefix":"x","suffix":"y"}]}'],
    ['a range without a number', '{"a":[{"numeric":[">","1"]}]}'],
    ['half a range', '{"a":[{"numeric":[">"]}]}'],
    ['a network that is none', '{"a":[{"cidr":"10.0.0.0/33"}]}'],
    ['two wildcards in a row', '{"a":[{"wildcard":"a**"}]}'],
    ['a wrong escape', '{"a":[{"wildcard":"a\\\\b"}]}'],
    ['one alternative', '{"$or":[{"a":["x"]}]}'],
    ['a mixed anything-but', '{"a":[{"anything-but":["x",1]}]}'],
    ['exists that is no boolean', '{"a":[{"exists":"true"}]}'],
    ['a prefix that is no text', '{"a":[{"prefix":1}]}'],
  ])('is refused with %s', (_, pattern) => {
    expect(() => compilePattern(pattern)).toThrow(/Event pattern is not valid/);
  });
});
