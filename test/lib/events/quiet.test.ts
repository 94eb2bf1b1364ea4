import { expect, it } from 'vitest';
import { isQuiet } from '../../../lib/events/quiet.ts';

const night = { from: '22:00', to: '06:00', zone: 'Europe/Zurich' };
const hour = { from: '02:00', to: '03:00', zone: 'Europe/Zurich' };
const saturday = { from: '22:00', to: '06:00', zone: 'America/New_York', days: ['sat'] };

it.each([
  // The night in which clocks go forward has seven hours.
  [night, '2026-03-28T20:59Z', false],
  [night, '2026-03-28T21:00Z', true],
  [night, '2026-03-29T03:59Z', true],
  [night, '2026-03-29T04:00Z', false],
  // The one in which they go back has nine.
  [night, '2026-10-24T19:59Z', false],
  [night, '2026-10-24T20:00Z', true],
  [night, '2026-10-25T04:59Z', true],
  [night, '2026-10-25T05:00Z', false],
  // An hour that does not exist, and one that comes twice.
  [hour, '2026-03-29T00:59Z', false],
  [hour, '2026-03-29T01:00Z', false],
  [hour, '2026-10-25T00:00Z', true],
  [hour, '2026-10-25T01:59Z', true],
  [hour, '2026-10-25T02:00Z', false],
  // A night belongs to the day on which it begins.
  [saturday, '2026-10-31T22:30-04:00', true],
  [saturday, '2026-11-01T05:59-05:00', true],
  [saturday, '2026-11-01T06:00-05:00', false],
  [saturday, '2026-11-01T23:00-05:00', false],
])('of the window %o, %s is quiet: %s', (window, moment, expected) => {
  expect(isQuiet([window], Date.parse(moment))).toBe(expected);
});
