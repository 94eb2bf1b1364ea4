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
export function toZonedDateTime(utc: string, timeZone: string): string {
  if (utc === '' || timeZone === 'UTC') return utc;
  const epochMs = Date.parse(`${utc.replace(' ', 'T')}Z`);
  return Number.isNaN(epochMs) ? utc : formatIn(timeZone, epochMs);
}

/** `yyyy-MM-dd HH:mm:ss` as a wall clock of the zone shows it, in UTC. */
export function toUtcDateTime(local: string, timeZone: string): string {
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
