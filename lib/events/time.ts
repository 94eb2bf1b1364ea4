import { isDay } from '../core/calendar.ts';

const zone = String.raw`\s*(?<zone>Z|GMT|UTC?|[+-]\d\d(?::?\d\d)?)`;
const clock = String.raw`(?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d))?`;

/** 2026-11-02T08:04:50.120Z, 2026-11-02 08:04:50+0100, 20261102T080450Z, 2026-11-02 */
const iso = new RegExp(
  String.raw`^(?<year>\d{4})-?(?<month>\d\d)-?(?<day>\d\d)(?:[T ](?<hour>\d\d):?(?<minute>\d\d)(?::?(?<second>\d\d)(?:[.,](?<fraction>\d+))?)?${zone}?)?$`,
  'i',
);
/** Mon, 02 Nov 2026 08:04:50 GMT, Monday, 02-Nov-26 08:04:50 GMT */
const mailDate = new RegExp(
  String.raw`^(?:[a-z]{3,9}, ?)?(?<day>\d{1,2})[ -](?<name>[a-z]{3})[ -](?<year>\d{4}|\d\d) ${clock}${zone}$`,
  'i',
);
/** Mon Nov  2 08:04:50 2026 */
const asctime = new RegExp(
  String.raw`^[a-z]{3} (?<name>[a-z]{3}) {1,2}(?<day>\d{1,2}) ${clock} (?<year>\d{4})$`,
  'i',
);
const forms = [iso, mailDate, asctime];
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** Epoch seconds of this size are milliseconds. */
const firstMilliseconds = 100_000_000_000;

/**
 * Reads a time as sources write it: ISO 8601, extended or basic, with or without offset (then UTC) and time of the day (then midnight),
 * the three forms of HTTP headers, epoch seconds or milliseconds.
 * @returns milliseconds since the Unix epoch; undefined when it is none of them
 */
export function readTime(given: unknown): number | undefined {
  if (typeof given === 'number' || (typeof given === 'string' && /^\d{9,14}(\.\d+)?$/.test(given)))
    return inRange(Number(given) * (Number(given) < firstMilliseconds ? 1_000 : 1));
  if (typeof given !== 'string') return undefined;
  const text = given.trim();
  const parts = forms.map((form) => form.exec(text)?.groups).find((found) => found !== undefined);
  return parts && inRange(msOf(parts));
}

/** Not a number for a day or a time of the day that does not exist. */
function msOf(parts: Readonly<Record<string, string | undefined>>): number {
  const { month, name = '', hour = '0', minute = '0', second = '0', fraction = '0', zone: offset } = parts;
  const numbers = [hour, minute, second].map(Number);
  const [hours = 0, minutes = 0, seconds = 0] = numbers;
  const given = Number(parts['year']);
  // Of two digits, as HTTP once wrote them.
  const year = given >= 100 ? given : given + (given < 70 ? 2_000 : 1_900);
  const monthOfYear = month === undefined ? months.indexOf(name.toLowerCase()) + 1 : Number(month);
  const day = Number(parts['day']);
  const isTimeOfDay = hours * 60 + minutes <= 24 * 60 && minutes < 60 && seconds <= 60;
  if (!isDay(year, monthOfYear, day) || !isTimeOfDay) return Number.NaN;
  const ofDay = ((hours * 60 + minutes - offsetMinutes(offset)) * 60 + seconds) * 1_000;
  return Date.UTC(year, monthOfYear - 1, day) + ofDay + Number(`0.${fraction}`) * 1_000;
}

function offsetMinutes(zone = 'Z'): number {
  const [, sign, hours, minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  return sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
}

/** Up to the year 9999, and not before 1970. */
function inRange(ms: number): number | undefined {
  return ms >= 0 && ms <= 253_402_300_799_999 ? Math.floor(ms) : undefined;
}
