import { DateTime, type DateTimeUnit, type DurationLike } from 'luxon';
import type { QueryContext } from '../context.ts';

/** A point in time: in UTC as it is stored, and the date that it is in the user's zone. */
export type Moment = { readonly kind: 'moment'; readonly utc: string; readonly localDate: string };

/** Units by the word that stands in function names: `daysAgoStart`, `beginningOfLastWeek`. */
const units: Readonly<Record<string, DateTimeUnit>> = {
  minute: 'minute',
  hour: 'hour',
  day: 'day',
  week: 'week',
  month: 'month',
  quarter: 'quarter',
  year: 'year',
};

const agoPattern = /^(minute|hour|day|week|month|quarter|year)sAgo(Start|End)?$/;
const periodPattern = /^(beginning|end)Of(Last|This|Current|Next)(Minute|Hour|Week|Month|Quarter|Year)$/;
const dayPattern = /^(beginning|end)Of(Today|Yesterday|Tomorrow)$/;
const spanPattern = /^(beginning|end)OfLast(\d+)(Minute|Hour|Day|Month)s$/;
const shifts: Readonly<Record<string, number>> = {
  Last: -1,
  This: 0,
  Current: 0,
  Next: 1,
  Yesterday: -1,
  Today: 0,
  Tomorrow: 1,
};

/** The dates of the platform's `gs` object, in the user's zone. Undefined for an unknown name or wrong arguments. */
export function evaluateDate(
  name: string,
  values: readonly string[],
  context: QueryContext,
): Moment | undefined {
  const now = DateTime.fromMillis(context.clock.now(), { zone: context.user.timeZone });
  const at =
    momentAgo(name, values, now) ?? periodEdge(name, now) ?? spanEdge(name, now) ?? named(name, values, now);
  if (at) return toMoment(at);
  if (name === 'getDurationDate') return durationDate(values[0] ?? '');
  return undefined;
}

/** A date and time as a moment, to the second. */
export function toMoment(at: DateTime): Moment {
  return {
    kind: 'moment',
    utc: at.toUTC().toFormat('yyyy-MM-dd HH:mm:ss'),
    localDate: at.toFormat('yyyy-MM-dd'),
  };
}

/** A duration of `count` units; negative counts go back in time. */
export function span(unit: string, count: number): DurationLike {
  return { [unit]: count };
}

/** `daysAgo(3)`, `hoursAgoStart(1)`, `monthsAgoEnd(2)` */
function momentAgo(name: string, values: readonly string[], now: DateTime): DateTime | undefined {
  const [, word = '', edge] = agoPattern.exec(name) ?? [];
  const unit = units[word];
  const count = Number(values[0]);
  if (!unit || values.length !== 1 || !Number.isInteger(count)) return undefined;
  const at = now.minus(span(unit, count));
  if (edge === undefined) return at;
  return edge === 'Start' ? at.startOf(unit) : at.endOf(unit);
}

/** `beginningOfLastMonth()`, `endOfToday()` */
function periodEdge(name: string, now: DateTime): DateTime | undefined {
  const [, edge, shift = '', word = 'Day'] = periodPattern.exec(name) ?? dayPattern.exec(name) ?? [];
  const unit = units[word.toLowerCase()];
  if (!edge || !unit) return undefined;
  const at = now.plus(span(unit, shifts[shift] ?? 0));
  return edge === 'beginning' ? at.startOf(unit) : at.endOf(unit);
}

/** `beginningOfLast7Days()`: from the start of the day seven days ago; `endOfLast7Days()`: the end of today. */
function spanEdge(name: string, now: DateTime): DateTime | undefined {
  const [, edge, count = '', word = ''] = spanPattern.exec(name) ?? [];
  const unit = units[word.toLowerCase()];
  if (!edge || !unit) return undefined;
  return edge === 'end' ? now.endOf(unit) : now.minus(span(unit, Number(count))).startOf(unit);
}

function named(name: string, values: readonly string[], now: DateTime): DateTime | undefined {
  switch (name) {
    case 'now':
    case 'nowDateTime':
    case 'nowNoTZ':
      return now;
    case 'yesterday':
      return now.minus({ day: 1 });
    case 'dateGenerate':
      return generated(values, now);
    default:
      return undefined;
  }
}

/** `dateGenerate('2026-03-01', 'start' | 'end' | '23:59:59')`, or both in one: `dateGenerate('2026-03-01 23:59:59')` */
function generated([first = '', second]: readonly string[], now: DateTime): DateTime | undefined {
  const [date = '', time = 'start'] = second === undefined ? first.trim().split(/ +/) : [first, second];
  const day = DateTime.fromFormat(date, 'yyyy-MM-dd', { zone: now.zone });
  if (!day.isValid) return undefined;
  if (time === 'start') return day.startOf('day');
  if (time === 'end') return day.endOf('day');
  const at = DateTime.fromFormat(`${date} ${time}`, 'yyyy-MM-dd HH:mm:ss', { zone: now.zone });
  return at.isValid ? at : undefined;
}

/** `getDurationDate('1 8:30:0')`: days, then hours, minutes and seconds, as durations are stored. */
function durationDate(text: string): Moment | undefined {
  const [, days, hours, minutes, seconds] = /^(\d+) (\d+):(\d+):(\d+)$/.exec(text.trim()) ?? [];
  if (days === undefined) return undefined;
  const epoch = DateTime.fromMillis(0, { zone: 'utc' });
  return toMoment(
    epoch.plus({
      days: Number(days),
      hours: Number(hours),
      minutes: Number(minutes),
      seconds: Number(seconds),
    }),
  );
}
