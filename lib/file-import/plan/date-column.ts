import { DateTime, IANAZone } from 'luxon';

/** A column whose values are dates: how they are written in the file, and where their clock stands. */
export type DateColumn = {
  /** Luxon tokens, e.g. `dd.MM.yyyy HH:mm`; `iso` for ISO 8601. */
  readonly format: string;
  /** IANA zone of values that name none, e.g. `Europe/Berlin`. */
  readonly zone: string;
};

export function isZone(zone: string): boolean {
  return IANAZone.isValidZone(zone);
}

/** Whether values of this form say their year; without it they would mean another day each year. */
export function namesYear(format: string): boolean {
  return format === 'iso' || /[ykDfFXx]/.test(format.replaceAll(/'[^']*'/g, ''));
}

/**
 * A value as ServiceNow takes it: UTC, `yyyy-MM-dd HH:mm:ss`; empty stays empty. An hour that the clocks of the zone go
 * through twice means the first time.
 * @returns what is wrong with the value when it is not of the given form, or its hour is one that the clocks leave out
 */
export function toServiceNowDate(
  text: string,
  column: DateColumn,
): { readonly date: string } | { readonly reason: string } {
  const value = text.trim();
  if (value === '') return { date: '' };
  const shown = JSON.stringify(text.slice(0, 60));
  const parsed = parse(value, column.format, column.zone);
  if (!parsed?.isValid) return { reason: `${shown} is no date of the form ${column.format}` };
  if (isLeftOut(parsed, value, column))
    return { reason: `${shown} is in the hour that the clocks of ${column.zone} leave out that day` };
  const [first = parsed] = parsed.getPossibleOffsets().sort((a, b) => a.toMillis() - b.toMillis());
  return { date: first.toUTC().toFormat('yyyy-MM-dd HH:mm:ss') };
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
