import type { ColumnPath } from '../column-path.ts';
import { type Fragment, sql } from '../fragment.ts';
import { localTime } from './local-time.ts';
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
export function quarterOf(time: Fragment): Fragment {
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
