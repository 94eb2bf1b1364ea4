import { DateTime, type DateTimeUnit } from 'luxon';
import type { ColumnPath } from '../column-path.ts';
import { bind, type Fragment, sql } from '../fragment.ts';
import { span, toMoment } from '../values/dates.ts';
import { readCall } from '../values/script.ts';
import { between, type CompileComparison, negate } from './compare.ts';
import { columnSql, type Scope } from './scope.ts';

const formats: Readonly<Record<string, string>> = {
  minute: '%Y-%m-%d %H:%M',
  hour: '%Y-%m-%d %H',
  day: '%Y-%m-%d',
  month: '%Y-%m',
  year: '%Y',
};

/** The wall clock's reading of a date or date-time column in the user's zone. */
export function wallTime(scope: Scope, path: ColumnPath): Fragment {
  const expression = columnSql(scope, path);
  return path.leaf.column.kind === 'date' ? expression : localTime(expression, scope.context.user.timeZone);
}

/** Names the calendar unit that a wall-clock time lies in: the same text for two times in the same day, week, quarter. */
export function calendarUnit(time: Fragment, unit: string): Fragment | undefined {
  if (unit === 'week') return sql`date(${time}, '-6 days', 'weekday 1')`;
  if (unit === 'quarter') return sql`(strftime('%Y', ${time}) || ${quarterOf(time)})`;
  const format = formats[unit];
  return format === undefined ? undefined : sql`strftime('${format}', ${time})`;
}

/** 1 to 4. */
function quarterOf(time: Fragment): Fragment {
  return sql`((CAST(strftime('%m', ${time}) AS INTEGER) + 2) / 3)`;
}

/** A modifier of SQLite's date functions (`-3 days`), or undefined for an unknown unit. */
export function shift(unit: string, count: number): string | undefined {
  const [word, factor] = shifts[unit] ?? [];
  if (word === undefined || factor === undefined || !Number.isSafeInteger(count)) return undefined;
  return `${count * factor >= 0 ? '+' : ''}${count * factor} ${word}`;
}

const shifts: Readonly<Record<string, readonly [string, number]>> = {
  second: ['seconds', 1],
  minute: ['minutes', 1],
  hour: ['hours', 1],
  day: ['days', 1],
  dayofweek: ['days', 1],
  week: ['days', 7],
  month: ['months', 1],
  quarter: ['months', 3],
  year: ['years', 1],
};

const firstYear = 1990;
const lastYear = 2060;

/** A stretch of time in which a zone keeps one offset: it ends before `until` (UTC, as stored). */
type Stretch = { readonly until: string; readonly offsetMinutes: number };

const stretchesByZone = new Map<string, readonly Stretch[]>();

/**
 * A stored UTC date-time as the clock on the wall shows it in an IANA zone. SQLite knows no zones, so the changes of
 * offset are written out. Outside the years listed the nearest known offset is used.
 */
function localTime(expression: Fragment, zone: string): Fragment {
  const stretches = stretchesByZone.get(zone) ?? readStretches(zone);
  stretchesByZone.set(zone, stretches);
  const last = stretches.at(-1)?.offsetMinutes ?? 0;
  const earlier = stretches.slice(0, -1);
  if (earlier.length === 0) return last === 0 ? expression : sql`datetime(${expression}, ${modifier(last)})`;
  const cases = earlier.map(
    ({ until, offsetMinutes }) => sql`WHEN ${expression} < '${until}' THEN ${modifier(offsetMinutes)}`,
  );
  const choice = cases.reduce((all, one) => sql`${all} ${one}`);
  return sql`datetime(${expression}, CASE ${choice} ELSE ${modifier(last)} END)`;
}

function modifier(offsetMinutes: number): string {
  return `'${offsetMinutes >= 0 ? '+' : ''}${offsetMinutes} minutes'`;
}

function readStretches(zone: string): Stretch[] {
  const stretches: Stretch[] = [];
  let at = DateTime.utc(firstYear).toMillis();
  const end = DateTime.utc(lastYear).toMillis();
  while (at < end) {
    const offsetMinutes = offsetAt(at, zone);
    const until = nextChange(at, end, zone);
    stretches.push({
      until: DateTime.fromMillis(until, { zone: 'utc' }).toFormat('yyyy-MM-dd HH:mm:ss'),
      offsetMinutes,
    });
    at = until;
  }
  return stretches;
}

/** A search in weekly intervals finds the change, a bisection its second; no zone changes twice in a week. */
function nextChange(from: number, end: number, zone: string): number {
  const weekMs = 7 * 24 * 3600 * 1000;
  const offset = offsetAt(from, zone);
  let low = from;
  let high = Math.min(from + weekMs, end);
  while (offsetAt(high, zone) === offset) {
    if (high >= end) return end;
    low = high;
    high = Math.min(high + weekMs, end);
  }
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (offsetAt(middle, zone) === offset) low = middle;
    else high = middle;
  }
  return high;
}

function offsetAt(millis: number, zone: string): number {
  return DateTime.fromMillis(millis, { zone }).offset;
}

/** `fONToday@<start>@<end>`; the label counts for nothing unless it stands alone and is a date. */
export const on: CompileComparison = (scope, path, text) => {
  const at = text.indexOf('@');
  return between(scope, path, at < 0 ? dayOf(text) : text.slice(at + 1));
};

export const notOn: CompileComparison = (scope, path, text) => {
  const within = on(scope, path, text);
  return within && negate(scope, columnSql(scope, path), within);
};

/** `fRELATIVEGT@hour@ago@1` */
export function relative(operator: '<' | '>' | '<=' | '>='): CompileComparison {
  return (scope, path, text) => {
    const at = readRelative(scope, text)?.at;
    return at && sql`${columnSql(scope, path)} ${operator} ${bind(toColumn(path, at))}`;
  };
}

/** `fRELATIVEEE@day@ago@1`: within that day of the user's calendar. */
export const relativeSame: CompileComparison = (scope, path, text) => {
  const read = readRelative(scope, text);
  if (!read) return undefined;
  const start = bind(toColumn(path, read.at.startOf(read.unit)));
  return sql`${columnSql(scope, path)} BETWEEN ${start} AND ${bind(toColumn(path, read.at.endOf(read.unit)))}`;
};

/** `fDATEPARTMonday@javascript:gs.datePart('dayofweek','monday','EE')` */
export const datePart: CompileComparison = (scope, path, text) => {
  const script = /@javascript:(.*)$/s.exec(text)?.[1];
  const call = script === undefined ? undefined : readCall(script);
  if (call?.name !== 'datePart') return undefined;
  const [part = '', value = '', operator = 'EE'] = call.values;
  const sign = signs[operator];
  const number = partValue(part, value);
  const expression = partOf(wallTime(scope, path), part);
  return sign && expression && number !== undefined ? sql`${expression} ${sign} ${bind(number)}` : undefined;
};

const signs: Readonly<Record<string, string>> = { EE: '=', GE: '>=', LE: '<=', GT: '>', LT: '<' };
const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const months = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];

/** The week begins on Sunday here, as documented: "on or before Monday" means Sunday or Monday. */
function partOf(time: Fragment, part: string): Fragment | undefined {
  if (part === 'quarter') return quarterOf(time);
  const formats: Readonly<Record<string, string>> = {
    dayofweek: '%w',
    dayofmonth: '%d',
    hour: '%H',
    week: '%V',
    month: '%m',
    year: '%Y',
  };
  const format = formats[part];
  return format === undefined ? undefined : sql`CAST(strftime('${format}', ${time}) AS INTEGER)`;
}

function partValue(part: string, value: string): number | undefined {
  const word = value.toLowerCase();
  if (part === 'dayofweek' && weekdays.includes(word)) return weekdays.indexOf(word);
  if (part === 'month' && months.includes(word)) return months.indexOf(word) + 1;
  return /^\d+$/.test(value) ? Number(value) : undefined;
}

const relativeUnits: Readonly<Record<string, DateTimeUnit>> = {
  minute: 'minute',
  hour: 'hour',
  day: 'day',
  dayofweek: 'day',
  week: 'week',
  month: 'month',
  quarter: 'quarter',
  year: 'year',
};

function readRelative({ context }: Scope, text: string): { at: DateTime; unit: DateTimeUnit } | undefined {
  const [, word = '', direction = '', count = ''] = text.split('@');
  const unit = relativeUnits[word];
  if (!unit || !/^\d+$/.test(count) || !['ago', 'ahead'].includes(direction)) return undefined;
  const now = DateTime.fromMillis(context.clock.now(), { zone: context.user.timeZone });
  return { at: now.plus(span(unit, direction === 'ago' ? -Number(count) : Number(count))), unit };
}

function toColumn(path: ColumnPath, at: DateTime): string {
  const moment = toMoment(at);
  return path.leaf.column.kind === 'date' ? moment.localDate : moment.utc;
}

function dayOf(date: string): string {
  return `javascript:gs.dateGenerate('${date}','start')@javascript:gs.dateGenerate('${date}','end')`;
}
