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

/**
 * A value as ServiceNow takes it: UTC, `yyyy-MM-dd HH:mm:ss`. Empty stays empty; undefined when the value is not of
 * the given form.
 */
export function toServiceNowDate(text: string, column: DateColumn): string | undefined {
  const value = text.trim();
  if (value === '') return '';
  const parsed =
    column.format === 'iso'
      ? DateTime.fromISO(value, { zone: column.zone })
      : DateTime.fromFormat(value, column.format, { zone: column.zone, locale: 'en-US' });
  return parsed.isValid ? parsed.toUTC().toFormat('yyyy-MM-dd HH:mm:ss') : undefined;
}
