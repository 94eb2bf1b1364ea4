import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import { formatProblem, toServiceNowDate } from '../../../../lib/file-import/plan/date-column.ts';

const seed = Number(process.env['SEED'] ?? 20_261_124);
const inBerlin = (format: string) => ({ format, zone: 'Europe/Berlin' });
const minutes = 'yyyy-MM-dd HH:mm';

describe('a date of a file', () => {
  it.each([
    ['2026-12-24 18:00', minutes, '2026-12-24 17:00:00'],
    ['2026-07-24 18:00', minutes, '2026-07-24 16:00:00'],
    [' 24.12.2026 ', 'dd.MM.yyyy', '2026-12-24'],
    ['Dec 24, 2026 6:00 PM', 'MMM d, yyyy h:mm a', '2026-12-24 17:00:00'],
    ['2026-12-24T18:00:00-05:00', 'iso', '2026-12-24 23:00:00'],
    ['2026-12-24T18:00', 'iso', '2026-12-24 17:00:00'],
    ['20261224', 'iso', '2026-12-24'],
    ['', 'iso', ''],
    ['\u200e24\u200e.\u200e12\u200e.\u200e2026', 'dd.MM.yyyy', '2026-12-24'],
    ['12/24/2026, 6:00\u202fPM', 'M/d/yyyy, h:mm a', '2026-12-24 17:00:00'],
    ['\u200b', 'iso', ''],
  ])('%j in the form %s is sent as %s', (text, format, date) => {
    expect(toServiceNowDate(text, inBerlin(format))).toEqual({ date });
  });

  it.each([
    ['31.02.2026', 'dd.MM.yyyy'],
    ['18:00', 'iso'],
    ['2026', 'iso'],
    ['T18:00', 'iso'],
    ['24.12.2026', 'iso'],
  ])('is none: %j in the form %s', (text, format) => {
    const reason = `"${text}" is not a date of the form ${format}`;
    expect(toServiceNowDate(text, inBerlin(format))).toEqual({ reason });
  });

  it('is none where its year in UTC has five digits, as of an end of time west of UTC', () => {
    const west = { format: 'yyyy-MM-dd HH:mm:ss', zone: 'America/New_York' };
    const reason = '"9999-12-31 23:59:59" in UTC is not in the years 1 to 9999';
    expect(toServiceNowDate('9999-12-31 23:59:59', west)).toEqual({ reason });
    const east = { ...west, zone: 'Asia/Tokyo' };
    expect(toServiceNowDate('9999-12-31 23:59:59', east)).toEqual({ date: '9999-12-31 14:59:59' });
    expect(toServiceNowDate('0001-01-01 00:00:00', east)).toHaveProperty('reason');
  });

  it('is shown with the characters that cannot be seen, where it is none', () => {
    const reason = '"24.U+200B12.2026x" is not a date of the form dd.MM.yyyy';
    expect(toServiceNowDate('24.\u200b12.2026x', inBerlin('dd.MM.yyyy'))).toEqual({ reason });
  });

  it('is refused in the hour that the clocks leave out in spring', () => {
    const left = toServiceNowDate('2026-03-29 02:30', inBerlin(minutes));
    expect(left).toEqual({
      reason: '"2026-03-29 02:30" does not exist in Europe/Berlin: the clocks skip that hour on that day',
    });
    const there = toServiceNowDate('2026-03-29 02:30 +01:00', inBerlin(`${minutes} ZZ`));
    expect(there).toEqual({ date: '2026-03-29 01:30:00' });
  });

  it('is the first of the two hours that the clocks go through twice in autumn, unless it says which', () => {
    expect(toServiceNowDate('2026-10-25 02:30', inBerlin(minutes))).toEqual({ date: '2026-10-25 00:30:00' });
    const second = toServiceNowDate('2026-10-25 02:30 +01:00', inBerlin(`${minutes} ZZ`));
    expect(second).toEqual({ date: '2026-10-25 01:30:00' });
  });

  it('stays the same day in every zone when it has no time, and begins the day where midnight is left out', () => {
    const column = { format: 'yyyy-MM-dd', zone: 'America/Sao_Paulo' };
    expect(toServiceNowDate('2018-11-04', column)).toEqual({ date: '2018-11-04' });
    const zones = Intl.supportedValuesOf('timeZone');
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1900-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }),
        fc.constantFrom(...zones),
        fc.constantFrom('yyyy-MM-dd', 'iso', 'dd.MM.yyyy', 'd LLLL yyyy', 'yyyy-ooo'),
        (moment, zone, format) => {
          const day = DateTime.fromJSDate(moment, { zone: 'utc' });
          const text = format === 'iso' ? day.toISODate() : day.toFormat(format, { locale: 'en-US' });
          expect(toServiceNowDate(text ?? '', { format, zone })).toEqual({
            date: day.toFormat('yyyy-MM-dd'),
          });
        },
      ),
      { seed, numRuns: 500 },
    );
  });

  it.each([
    ['2026-12-24', 'date_time', '2026-12-24 00:00:00'],
    ['2026-12-24', 'date', '2026-12-24'],
    ['2026-12-24T00:30', 'date', '2026-12-24'],
    ['2026-12-24T00:30', 'date_time', '2026-12-23 23:30:00'],
  ] as const)('%s is what its staging column keeps: a %s', (text, keeps, date) => {
    expect(toServiceNowDate(text, { ...inBerlin('iso'), keeps })).toEqual({ date });
  });

  it.each([
    ['X', 'has X, which Luxon does not read'],
    ['x', 'has x, which Luxon does not read'],
    ['YYYY-MM-DD', 'has YYYY, which Luxon does not read'],
    ['dd.MM.yyyy Uhr', 'has U, which Luxon does not read'],
    ['yyyy-MM-ddTHH:mm', "write a literal T as 'T'"],
    ['yyyy-mm-dd', 'cannot be read back'],
    ['hh:mm dd.MM.yyyy', 'cannot be read back'],
    ['dd.yyyy', 'cannot be read back'],
    ['yyyy-MM-dd ZZZZ', 'has ZZZZ'],
    ['HH:mm', 'names no year'],
  ])('cannot have the form %s', (format, problem) => {
    expect(formatProblem(format)).toContain(problem);
  });

  it.each([
    'iso',
    'dd/MM/yy',
    "yyyy-MM-dd'T'HH:mm:ss.SSSZZ",
    'h:mm a, MMM d yyyy',
    "kkkk-'W'WW-E",
    'D',
    'ff',
    'MM/yyyy',
  ])('may have the form %s', (format) => {
    expect(formatProblem(format)).toBeUndefined();
  });

  it('comes back from UTC as it was, in any zone', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Pacific/Auckland'];
    const ms = fc.integer({ min: 0, max: 4_000_000_000 });
    fc.assert(
      fc.property(ms, fc.constantFrom(...zones), (second, zone) => {
        const moment = DateTime.fromSeconds(second, { zone });
        const said = toServiceNowDate(moment.toFormat(`${minutes}:ss ZZ`), {
          format: `${minutes}:ss ZZ`,
          zone,
        });
        expect(said).toEqual({ date: moment.toUTC().toFormat('yyyy-MM-dd HH:mm:ss') });
      }),
      { seed, numRuns: 300 },
    );
  });
});
