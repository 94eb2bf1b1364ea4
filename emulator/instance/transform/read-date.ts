import { DateTime } from 'luxon';

const platformFormats = { date: 'yyyy-MM-dd', date_time: 'yyyy-MM-dd HH:mm:ss' } as const;

/**
 * A source date in the platform's form, UTC. Read by the field map's format, or by the platform's own, with or
 * without the time of day.
 *
 * @returns undefined when it cannot be read: the column is then left alone, as on an instance.
 */
export function readDate(given: string, format: string, kind: 'date' | 'date_time'): string | undefined {
  const formats = format === '' ? [platformFormats.date_time, platformFormats.date] : [format];
  for (const candidate of formats) {
    const read = DateTime.fromFormat(given, candidate, { zone: 'utc' });
    if (read.isValid) return read.toFormat(platformFormats[kind]);
  }
  return undefined;
}
