import { describe, expect, it } from 'vitest';
import { isDay, isOnCalendar } from '../../../lib/core/calendar.ts';

describe('a day', () => {
  it.each([
    [2024, 2, 29],
    [2000, 2, 29],
    [2023, 1, 1],
    [2023, 1, 31],
    [2023, 12, 31],
  ])('%i-%i-%i is on the calendar', (year, month, day) => {
    expect(isDay(year, month, day)).toBe(true);
  });

  it.each([
    [2023, 2, 29],
    [1900, 2, 29],
    [2023, 4, 31],
    [2023, 0, 1],
    [2023, 13, 1],
    [2023, 1, 0],
    // The same month or the same day of the month, but not both.
    [2023, 1, 366],
    [2023, 14, 1],
  ])('%i-%i-%i is not', (year, month, day) => {
    expect(isDay(year, month, day)).toBe(false);
  });

  it.each([
    ['2024-02-29T12:00:00Z', true],
    ['2023-02-29T12:00:00Z', false],
    ['2023-02-28', true],
    ['yesterday', false],
  ])('of the time %s: %s', (time, expected) => {
    expect(isOnCalendar(time)).toBe(expected);
  });
});
