import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTooDeepText, parseJson } from '../../../lib/core/parse-json.ts';
import { processorTime } from '../../processor-time.ts';

describe('parsing JSON', () => {
  it.each([
    ['12345678901234567890', '12345678901234567890'],
    ['-9007199254740993', '-9007199254740993'],
    ['9007199254740991', 9_007_199_254_740_991],
    ['0.12345678901234567', '0.12345678901234567'],
    ['0.1234567890123456', '0.1234567890123456'],
    ['0.123456789012345', 0.123_456_789_012_345],
    ['1234567890.5', 1_234_567_890.5],
    ['1e400', '1e400'],
    ['1e3', 1_000],
    ['"12345678901234567890"', '12345678901234567890'],
  ])('keeps what a number of JavaScript would lose: %s', (text, value) => {
    expect(parseJson(`{"a":[${text}]}`)).toEqual({ a: [value] });
  });

  it('is that of JavaScript otherwise', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const isPlain = JSON.stringify(JSON.parse(text)).search(/\d{16}|e\+?\d{3}/i) < 0;
        if (isPlain) expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
    expect(() => parseJson('{"a":12345678901234567890')).toThrow(SyntaxError);
  });
});

describe('the depth of a text', () => {
  it.each([
    ['[', 101, true],
    ['"[', 101, false],
    ['"\\"[', 101, false],
  ])('counts brackets outside of strings: %j again and again', (part, count, isTooDeep) => {
    expect(isTooDeepText(part.repeat(count))).toBe(isTooDeep);
  });

  it('is found in a time that grows with the text, whatever quotes it has', () => {
    const spentMs = processorTime();
    expect(isTooDeepText(`"${'\\"'.repeat(500_000)}`)).toBe(false);
    expect(spentMs()).toBeLessThan(10_000);
  });
});
