import { DateTime, type DateTimeUnit } from 'luxon';
import type { ColumnPath } from '../column-path.ts';
import { bind, type Fragment, sql } from '../fragment.ts';
import { span, toMoment } from '../values/dates.ts';
import { readCall } from '../values/script.ts';
import { quarterOf, wallTime } from './calendar.ts';
import { between } from './compare.ts';
import { type CompileComparison, negate } from './comparison.ts';
import { columnSql, type Scope } from './scope.ts';

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
