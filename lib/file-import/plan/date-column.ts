import { DateTime, IANAZone } from 'luxon';
import { quotedName, visibleText } from './column-text.ts';

/** A column whose values are dates: how they are written in the file, and where their clock stands. */
export type DateColumn = {
  /** Luxon tokens, e.g. `dd.MM.yyyy HH:mm`; `iso` for ISO 8601. */
  readonly format: string;
  /** IANA zone of values that name none, e.g. `Europe/Berlin`. */
  readonly zone: string;
  /** What the staging column keeps, when it is not text: a day alone, or a moment. */
  readonly keeps?: 'date' | 'date_time';
};

/** True for the name of a time zone, such as `Europe/Berlin`. */
export function isZone(zone: string): boolean {
  return IANAZone.isValidZone(zone);
}

/** A format's letters and what they stand for; a quoted text is literal. (Luxon, "Table of tokens".) */
const quotedText = /'[^']*'/g;
const tokens: Readonly<Record<string, readonly string[]>> = {
  year: ['y', 'yy', 'yyyy', 'yyyyy', 'yyyyyy', 'kk', 'kkkk'],
  month: ['M', 'MM', 'MMM', 'MMMM', 'L', 'LL', 'LLL', 'LLLL'],
  day: ['d', 'dd', 'o', 'ooo'],
  week: ['W', 'WW', 'E', 'EEE', 'EEEE', 'c', 'ccc', 'cccc', 'q', 'G', 'GG'],
  hour: ['H', 'HH', 'h', 'hh'],
  minute: ['m', 'mm'],
  second: ['s', 'ss', 'S', 'SSS', 'u', 'uu', 'uuu'],
  halfDay: ['a'],
  zone: ['Z', 'ZZ', 'ZZZ', 'z'],
  date: ['D', 'DD', 'DDD', 'DDDD'],
  time: ['t', 'tt', 'ttt', 'T', 'TT', 'TTT'],
  moment: ['f', 'ff', 'fff', 'F', 'FF', 'FFF'],
};
const timeKinds = ['hour', 'minute', 'second', 'halfDay', 'time', 'moment'];

function kindsIn(format: string): { readonly kinds: readonly string[]; readonly unknown: readonly string[] } {
  const runs = format.replaceAll(quotedText, '·').match(/([A-Za-z])\1*/g) ?? [];
  const kindOf = (run: string) => Object.keys(tokens).find((kind) => tokens[kind]?.includes(run));
  return {
    kinds: runs.flatMap((run) => kindOf(run) ?? []),
    unknown: runs.filter((run) => kindOf(run) === undefined),
  };
}

/** Moments that a format has to be able to read back: past noon, one- and two-digit days and months. */
const samples = ['2026-11-28T18:45:37', '2019-02-03T14:05:06'];

/**
 * What makes a format useless: a token that Luxon does not read, no year, or parts that contradict each other.
 * @returns undefined when dates of this form can be read
 */
export function formatProblem(format: string): string | undefined {
  if (format === 'iso') return undefined;
  const { kinds, unknown } = kindsIn(format);
  const [first] = unknown;
  if (first !== undefined)
    return `has ${first}, which Luxon does not read; see its table of tokens, and put literal text in single quotes`;
  const named = (kind: string) => kinds.filter((one) => one === kind).length;
  if (named('year') + named('date') + named('moment') === 0) return 'names no year';
  if (named('hour') + named('time') + named('moment') > 1)
    return "names the hour more than once; write a literal T as 'T'";
  return samples.every((sample) => readsBack(format, sample, kinds))
    ? undefined
    : 'cannot be read back: a part of the date is missing or ambiguous (MM is the month, mm the minute; a 12-hour clock needs a)';
}

function readsBack(format: string, sample: string, kinds: readonly string[]): boolean {
  const zone = 'UTC';
  try {
    const moment = DateTime.fromISO(sample, { zone });
    const back = DateTime.fromFormat(moment.toFormat(format, { locale: 'en-US' }), format, {
      zone,
      locale: 'en-US',
    });
    const isWhole = kinds.some((kind) => ['day', 'date', 'moment', 'week'].includes(kind));
    const shape = `yyyy-MM${isWhole ? '-dd' : ''}${kinds.some((kind) => timeKinds.includes(kind)) ? ' HH' : ''}`;
    return back.isValid && back.toFormat(shape) === moment.toFormat(shape);
  } catch {
    // Luxon throws for tokens that contradict each other.
    return false;
  }
}

/** Whether values of the column may be sent as moments, in text: what reads them may do so in another zone than UTC. */
export function mayBeTextMoment({ format, keeps }: DateColumn): boolean {
  return keeps === undefined && (format === 'iso' || hasTimeOfDay(format));
}

/**
 * A value as ServiceNow takes it: a moment as UTC, `yyyy-MM-dd HH:mm:ss`; a date without a time as the date that it is,
 * `yyyy-MM-dd`, in whatever zone; empty stays empty. An hour that the clocks of the zone go through twice means the first time.
 * @returns what is wrong with the value when it is not of the given form, or its hour is one that the clocks leave out
 */
export function toServiceNowDate(
  text: string,
  column: DateColumn,
): { readonly date: string } | { readonly reason: string } {
  const { value, parsed } = readDate(isoText(text.trim(), column.format), column);
  if (value === '') return { date: '' };
  const shown = quotedName(text);
  if (!parsed?.isValid || !isYear(parsed))
    return { reason: `${shown} is not a date of the form ${column.format}` };
  if (!hasTime(value, column.format))
    return { date: wholeDay(parse(value, column.format, 'utc') ?? parsed, column) };
  if (isLeftOut(parsed, value, column))
    return { reason: `${shown} does not exist in ${column.zone}: the clocks skip that hour on that day` };
  if (column.keeps === 'date') return { date: parsed.toFormat('yyyy-MM-dd') };
  const [first = parsed] = parsed.getPossibleOffsets().sort((a, b) => a.toMillis() - b.toMillis());
  const moment = first.toUTC();
  if (!isYear(moment)) return { reason: `${shown} in UTC is not in the years 1 to 9999` };
  return { date: moment.toFormat('yyyy-MM-dd HH:mm:ss') };
}

/** Whether four digits hold the year. */
function isYear({ year }: DateTime): boolean {
  return year >= 1 && year <= 9_999;
}

/** ISO 8601 as databases write it, with blanks before the time and its offset. */
function isoText(text: string, format: string): string {
  if (format !== 'iso') return text;
  return text.replace(/^(\d{4}-\d\d-\d\d) +(?=\d)/, '$1T').replace(/(?<=\d) +(?=[+-]\d|Z$)/, '');
}

/** As it is written, else by what a person sees of it: browsers put direction marks and narrow blanks into dates. */
function readDate(
  text: string,
  { format, zone }: DateColumn,
): { value: string; parsed?: DateTime | undefined } {
  const parsed = parse(text, format, zone);
  if (parsed?.isValid) return { value: text, parsed };
  const value = visibleText(text);
  return { value, parsed: value === text ? parsed : parse(value, format, zone) };
}

function wholeDay(day: DateTime, { keeps }: DateColumn): string {
  return day.toFormat(keeps === 'date_time' ? 'yyyy-MM-dd 00:00:00' : 'yyyy-MM-dd');
}

const timed = new Map<string, boolean>();

/** Whether a value of this form says a time of day; in ISO 8601 each value may or may not. */
function hasTime(value: string, format: string): boolean {
  return format === 'iso' ? /T/i.test(value) : hasTimeOfDay(format);
}

function hasTimeOfDay(format: string): boolean {
  const known = timed.get(format) ?? kindsIn(format).kinds.some((kind) => timeKinds.includes(kind));
  timed.set(format, known);
  return known;
}

/** At least a whole day: a time alone would be one of today. */
const isoDay = /^(\d{4}|[+-]\d{6})-?(\d\d-?\d\d|W\d\d-?\d|\d{3})(T|$)/i;

/** In the zone that the value names, else in `zone`. */
function parse(value: string, format: string, zone: string): DateTime | undefined {
  if (format !== 'iso') return DateTime.fromFormat(value, format, { zone, setZone: true, locale: 'en-US' });
  return isoDay.test(value) ? DateTime.fromISO(value, { zone, setZone: true }) : undefined;
}

/** Luxon moves such a time on by an hour. A day that begins without its midnight still begins. */
function isLeftOut(parsed: DateTime, value: string, { format }: DateColumn): boolean {
  if (parsed.isOffsetFixed) return false;
  const wanted = parse(value, format, 'utc')?.toFormat('HH:mm:ss');
  return wanted !== '00:00:00' && wanted !== parsed.toFormat('HH:mm:ss');
}
