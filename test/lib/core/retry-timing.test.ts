import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullJitterMs, parseRetryAfter } from '../../../lib/core/retry-timing.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');

describe('Retry-After', () => {
  it.each([
    ['120', 120_000],
    ['0', 0],
    [' 7 ', 7_000],
    ['Sun, 01 Mar 2026 12:00:30 GMT', 30_000],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
  ])('reads %j as %i ms', (text, ms) => {
    expect(parseRetryAfter(text, nowMs)).toBe(ms);
  });

  it('is between nothing and a day, whatever is said', () => {
    const said = fc.oneof(
      fc.string(),
      fc.bigInt().map(String),
      fc.date().map(String),
      fc.stringMatching(/^\d{1,400}$/),
    );
    fc.assert(
      fc.property(said, (text) => {
        const ms = parseRetryAfter(text, nowMs) ?? 0;
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(86_400_000);
      }),
      { seed: 13 },
    );
  });

  it.each(['', '-5', '2.5', 'soon', '1e3', undefined])('does not read %j', (text) => {
    expect(parseRetryAfter(text, nowMs)).toBeUndefined();
  });
});

describe('full jitter', () => {
  it('stays between nothing and the doubling ceiling, and below the cap', () => {
    const backOff = { baseMs: 100, capMs: 5_000 };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, drawn) => {
          const waitMs = fullJitterMs(attempt, backOff, () => drawn);
          expect(waitMs).toBeGreaterThanOrEqual(0);
          expect(waitMs).toBeLessThanOrEqual(Math.min(5_000, 100 * 2 ** (attempt - 1)));
        },
      ),
    );
  });
});
