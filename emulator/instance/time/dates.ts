import { DateTime } from 'luxon';

let latest = { second: Number.NaN, text: '' };

/** A moment as ServiceNow stores it: `yyyy-MM-dd HH:mm:ss` in UTC. */
export function toDateTime(epochMs: number): string {
  // Many rows are written within one second.
  const second = Math.floor(epochMs / 1000);
  if (second !== latest.second) {
    latest = { second, text: new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ') };
  }
  return latest.text;
}

export const dayMs = 86_400_000;

/** The first midnight, UTC, that comes after an instant. */
export const midnightAfter = (epochMs: number) => (Math.floor(epochMs / dayMs) + 1) * dayMs;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Whether the text names a zone that there is. */
export function isTimeZone(text: string): boolean {
  try {
    return text !== '' && formatIn(text, 0) !== '';
  } catch {
    // What Intl does not know it throws for.
    return false;
  }
}

/** `yyyy-MM-dd HH:mm:ss` in UTC as the same moment in the zone. What is no date-time comes back as it is. */
function toZonedDateTime(utc: string, timeZone: string): string {
  if (utc === '' || timeZone === 'UTC') return utc;
  const epochMs = Date.parse(`${utc.replace(' ', 'T')}Z`);
  return Number.isNaN(epochMs) ? utc : formatIn(timeZone, epochMs);
}

/** `yyyy-MM-dd HH:mm:ss` as a wall clock of the zone shows it, in UTC. */
function toUtcDateTime(local: string, timeZone: string): string {
  if (local === '' || timeZone === 'UTC') return local;
  const asUtcMs = Date.parse(`${local.replace(' ', 'T')}Z`);
  if (Number.isNaN(asUtcMs)) return local;
  // Twice, because the first guess may lie on the other side of a change of the clocks.
  const firstMs = asUtcMs - offsetMs(timeZone, asUtcMs);
  const epochMs = asUtcMs - offsetMs(timeZone, firstMs);
  return new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ');
}

const offsetMs = (timeZone: string, epochMs: number) =>
  Date.parse(`${formatIn(timeZone, epochMs).replace(' ', 'T')}Z`) - Math.floor(epochMs / 1000) * 1000;

function formatIn(timeZone: string, epochMs: number): string {
  let format = formats.get(timeZone);
  if (!format) {
    // The Swedish locale writes dates as ServiceNow's default format does.
    format = new Intl.DateTimeFormat('sv-SE', {
      timeZone,
      dateStyle: 'short',
      timeStyle: 'medium',
      hourCycle: 'h23',
    });
    formats.set(timeZone, format);
  }
  return format.format(epochMs);
}

const platform = { date: 'yyyy-MM-dd', time: 'HH:mm:ss' } as const;

/** How a user sees and writes dates: in the zone and the formats of the sys_user row, in Java's letters. */
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

/** A date-time as a user writes it, as it is stored. The platform's own form is accepted too. */
export function readDateTime(text: string, style: DateStyle): string {
  return toUtcDateTime(rewrite(text, formatOf(style), `${platform.date} ${platform.time}`), style.timeZone);
}

/** A date as a user writes it, as it is stored. */
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
