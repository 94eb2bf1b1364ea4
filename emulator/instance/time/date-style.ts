import { DateTime } from 'luxon';
import { toUtcDateTime, toZonedDateTime } from './zone.ts';

const platform = { date: 'yyyy-MM-dd', time: 'HH:mm:ss' } as const;

/** How somebody sees and writes dates: in his zone, and in the forms that his sys_user row names in Java's letters. */
export type DateStyle = {
  /** IANA */
  readonly timeZone: string;
  /** `yyyy-MM-dd` for `''`. */
  readonly dateFormat: string;
  /** `HH:mm:ss` for `''`. */
  readonly timeFormat: string;
};

/** The platform's own: how dates are stored, too. */
export const platformStyle: DateStyle = { timeZone: 'UTC', dateFormat: '', timeFormat: '' };

/** A stored date-time as the form shows it. */
export function showDateTime(utc: string, style: DateStyle): string {
  return rewrite(toZonedDateTime(utc, style.timeZone), `${platform.date} ${platform.time}`, formatOf(style));
}

/** A stored date as the form shows it. */
export function showDate(date: string, { dateFormat }: DateStyle): string {
  return rewrite(date, platform.date, dateFormat || platform.date);
}

/** What somebody writes for a date-time, as it is stored. The platform's own form is taken too. */
export function readDateTime(text: string, style: DateStyle): string {
  return toUtcDateTime(rewrite(text, formatOf(style), `${platform.date} ${platform.time}`), style.timeZone);
}

/** What somebody writes for a date, as it is stored. */
export function readDate(text: string, { dateFormat }: DateStyle): string {
  return rewrite(text, dateFormat || platform.date, platform.date);
}

const formatOf = ({ dateFormat, timeFormat }: DateStyle) =>
  `${dateFormat || platform.date} ${timeFormat || platform.time}`;

/** Text that is not in the one form stays as it is. */
function rewrite(text: string, from: string, to: string): string {
  if (from === to) return text;
  const read = DateTime.fromFormat(text, from, { zone: 'utc', locale: 'en' });
  return read.isValid ? read.toFormat(to, { locale: 'en' }) : text;
}
