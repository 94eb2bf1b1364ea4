import { describe, expect, it } from 'vitest';
import { find, sampleContext, sampleDatabase, sampleSchema } from './sample.ts';

/** Wednesday 2026-03-18 11:30 in New York, which went from UTC-5 to UTC-4 on 2026-03-08 at 07:00 UTC. */
const schema = sampleSchema();

/** Whether a task opened at that moment (UTC) is found. */
function finds(
  opened: string,
  query: string,
  row: Record<string, string> = {},
  timeZone = 'America/New_York',
): boolean {
  const database = sampleDatabase(schema, { task: [{ sys_id: '1', opened, ...row }] });
  const user = { ...sampleContext.user, timeZone };
  const found = find(database, schema, 'task', query, { context: { user } });
  database.close();
  return found.length === 1;
}

describe('dates in values', () => {
  it('takes a literal date-time as UTC whatever the zone of the user', () => {
    expect(finds('2026-03-18 00:00:01', 'opened>2026-03-18 00:00:00')).toBe(true);
    expect(finds('2026-03-18 00:00:00', 'opened>2026-03-18 00:00:00')).toBe(false);
    expect(finds('2026-03-18 00:00:01', 'opened>=2026-03-18')).toBe(true);
  });

  it.each([
    ['gs.daysAgoStart(0)', '2026-03-18 04:00:00'],
    ['gs.daysAgoEnd(0)', '2026-03-19 03:59:59'],
    ['gs.daysAgoStart(11)', '2026-03-07 05:00:00'],
    ['gs.daysAgo(11)', '2026-03-07 16:30:00'],
    ['gs.hoursAgo(2)', '2026-03-18 13:30:00'],
    ['gs.hoursAgoStart(2)', '2026-03-18 13:00:00'],
    ['gs.minutesAgo(45)', '2026-03-18 14:45:00'],
    ['gs.monthsAgoStart(1)', '2026-02-01 05:00:00'],
    ['gs.quartersAgoStart(1)', '2025-10-01 04:00:00'],
    ['gs.yearsAgo(1)', '2025-03-18 15:30:00'],
    ['gs.nowDateTime()', '2026-03-18 15:30:00'],
    ['gs.beginningOfToday()', '2026-03-18 04:00:00'],
    ['gs.endOfYesterday()', '2026-03-18 03:59:59'],
    ['gs.beginningOfTomorrow()', '2026-03-19 04:00:00'],
    ['gs.beginningOfThisWeek()', '2026-03-16 04:00:00'],
    ['gs.endOfLastWeek()', '2026-03-16 03:59:59'],
    ['gs.beginningOfThisMonth()', '2026-03-01 05:00:00'],
    ['gs.endOfNextMonth()', '2026-05-01 03:59:59'],
    ['gs.beginningOfThisQuarter()', '2026-01-01 05:00:00'],
    ['gs.endOfLastYear()', '2026-01-01 04:59:59'],
    ['gs.beginningOfLast7Days()', '2026-03-11 04:00:00'],
    ["gs.dateGenerate('2026-01-05','start')", '2026-01-05 05:00:00'],
    ["gs.dateGenerate('2026-01-05','end')", '2026-01-06 04:59:59'],
    ['gs.dateGenerate("2026-01-05","12:00:00")', '2026-01-05 17:00:00'],
  ])('reckons javascript:%s in the zone of the user', (script, utc) => {
    expect(finds(utc, `opened=javascript:${script}`)).toBe(true);
  });

  it('compares a date column with the date that a moment is for the user', () => {
    const evening = { due: '2026-03-18' };
    expect(finds('', 'due=javascript:gs.endOfToday()', evening)).toBe(true);
    expect(finds('', 'due=2026-03-18 23:00:00', evening)).toBe(true);
  });

  it('finds nothing for text that is no date', () => {
    expect(finds('2026-03-18 00:00:00', 'opened=yesterday')).toBe(false);
  });

  it('knows the user', () => {
    expect(finds('', 'title=javascript:gs.getUserID()', { title: 'u1' })).toBe(true);
    expect(finds('', 'title=javascript:gs.getUserName()', { title: 'abel' })).toBe(true);
    expect(finds('', 'title=javascript:gs.getUserDisplayName()', { title: 'Abel Tuter' })).toBe(true);
  });

  it.each([
    'gs.exec("rm")',
    'process.exit(1)',
    "gs.daysAgo('x')",
    'gs.daysAgo(1)+1',
    '1',
    "gs.dateGenerate('x')",
  ])(
    'finds nothing for a script that is not on the list, as for any value that makes no sense: %s',
    (script) => {
      for (const clause of [
        'opened=',
        'opened>',
        'openedIN',
        'openedONx@2000-01-01@',
        'titleLIKE',
        'openedBETWEEN2000-01-01@',
      ])
        expect(finds('2026-03-18 00:00:00', `${clause}javascript:${script}`, { title: 'x' })).toBe(false);
      expect(finds('2026-03-18 00:00:00', `opened=javascript:${script}^ORopenedISNOTEMPTY`)).toBe(true);
    },
  );
});

describe('operators on dates', () => {
  it('reads ON as a day between two ends, whatever its label', () => {
    const today = 'ONToday@javascript:gs.daysAgoStart(0)@javascript:gs.daysAgoEnd(0)';
    expect(finds('2026-03-18 04:00:00', `opened${today}`)).toBe(true);
    expect(finds('2026-03-18 03:59:59', `opened${today}`)).toBe(false);
    expect(finds('2026-03-18 03:59:59', `openedNOT${today}`)).toBe(true);
    expect(finds('2026-03-19 03:00:00', 'openedON2026-03-18')).toBe(true);
    expect(finds('2026-03-18 03:00:00', 'openedONnonsense^opened=2000-01-01')).toBe(false);
  });

  it('reckons RELATIVE from now', () => {
    expect(finds('2026-03-18 14:30:01', 'openedRELATIVEGT@hour@ago@1')).toBe(true);
    expect(finds('2026-03-18 14:30:00', 'openedRELATIVEGT@hour@ago@1')).toBe(false);
    expect(finds('2026-03-18 14:30:00', 'openedRELATIVEGE@hour@ago@1')).toBe(true);
    expect(finds('2026-03-20 15:29:59', 'openedRELATIVELT@dayofweek@ahead@2')).toBe(true);
    expect(finds('2026-03-17 04:00:00', 'openedRELATIVEEE@dayofweek@ago@1')).toBe(true);
    expect(finds('2026-03-17 03:59:59', 'openedRELATIVEEE@dayofweek@ago@1')).toBe(false);
  });

  it('reads DATEPART on the wall clock of the user, weeks beginning on Sunday', () => {
    const monday = (sign: string) =>
      `openedDATEPARTMonday@javascript:gs.datePart('dayofweek','monday','${sign}')`;
    expect(finds('2026-03-16 03:59:59', monday('EE'))).toBe(false);
    expect(finds('2026-03-16 04:00:00', monday('EE'))).toBe(true);
    expect(finds('2026-03-16 03:59:59', monday('LT'))).toBe(true);
    expect(finds('2026-03-17 12:00:00', monday('GE'))).toBe(true);
    expect(
      finds('2026-01-01 04:00:00', "openedDATEPARTx@javascript:gs.datePart('month','december','EE')"),
    ).toBe(true);
    expect(finds('2026-01-01 04:00:00', "openedDATEPARTx@javascript:gs.datePart('quarter','4','EE')")).toBe(
      true,
    );
    expect(finds('2026-01-01 04:00:00', "openedDATEPARTx@javascript:gs.datePart('year','2025','EE')")).toBe(
      true,
    );
    expect(finds('2026-03-08 06:30:00', "openedDATEPARTx@javascript:gs.datePart('hour','1','EE')")).toBe(
      true,
    );
    expect(finds('2026-03-08 07:30:00', "openedDATEPARTx@javascript:gs.datePart('hour','3','EE')")).toBe(
      true,
    );
  });

  it('compares two dates by calendar unit or by distance', () => {
    const closed = { closed: '2026-03-18 03:00:00' };
    expect(finds('2026-03-17 05:00:00', 'openedSAMEASclosed@day', closed)).toBe(true);
    expect(finds('2026-03-18 05:00:00', 'openedSAMEASclosed@day', closed)).toBe(false);
    expect(finds('2026-03-18 05:00:00', 'openedNSAMEASclosed@day', closed)).toBe(true);
    expect(finds('2026-03-22 05:00:00', 'openedSAMEASclosed@week', closed)).toBe(true);
    expect(finds('2026-03-17 02:59:59', 'openedMORETHANclosed@day@before@1', closed)).toBe(true);
    expect(finds('2026-03-17 03:00:00', 'openedMORETHANclosed@day@before@1', closed)).toBe(false);
    expect(finds('2026-03-19 03:00:00', 'openedMORETHANclosed@day@after@1', closed)).toBe(false);
    expect(finds('2026-03-17 03:00:01', 'openedMORETHANclosed@day@before@1', closed)).toBe(false);
    expect(finds('2026-03-17 03:00:01', 'openedLESSTHANclosed@day@before@1', closed)).toBe(true);
    expect(finds('2026-03-18 03:00:01', 'openedLESSTHANclosed@day@before@1', closed)).toBe(false);
    expect(finds('2026-03-18 04:30:00', 'openedMORETHANclosed@hour@after@1', closed)).toBe(true);
  });

  it('works in zones of fixed and of odd offsets', () => {
    const monday = "openedDATEPARTx@javascript:gs.datePart('dayofweek','monday','EE')";
    expect(finds('2026-03-15 18:30:00', monday, {}, 'Asia/Kolkata')).toBe(true);
    expect(finds('2026-03-15 18:29:59', monday, {}, 'Asia/Kolkata')).toBe(false);
    expect(finds('2026-03-16 00:00:00', monday, {}, 'UTC')).toBe(true);
  });
});

describe('what cannot be reckoned', () => {
  it.each([
    'openedMORETHANclosed@day@sideways@1',
    'openedMORETHANclosed@day@before@many',
    'openedLESSTHANclosed@lightyear@before@1',
    'openedRELATIVEGT@hour@ago@many',
    'openedRELATIVEGT@hour@sideways@1',
    'openedRELATIVEGT@lightyear@ago@1',
    "openedDATEPARTx@javascript:gs.datePart('month','monday','EE')",
  ])('is a clause that is dropped: %s', (clause) => {
    expect(finds('2026-03-18 04:30:00', `${clause}^sys_id=1`, { closed: '2026-03-18 03:00:00' })).toBe(true);
  });

  it('takes LT of a part of a date for less, and LE for less or the same', () => {
    const wednesday = '2026-03-18 12:00:00';
    const part = (sign: string) =>
      `openedDATEPARTx@javascript:gs.datePart('dayofweek','wednesday','${sign}')`;
    expect(['LT', 'LE', 'GT', 'GE'].map((sign) => finds(wednesday, part(sign)))).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });
});
