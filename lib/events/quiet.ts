import type { QuietWindow } from './mapping.ts';

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** True when a moment lies in one of the windows. @param atMs milliseconds since the Unix epoch */
export function isQuiet(windows: readonly QuietWindow[], atMs: number): boolean {
  return windows.some((window) => contains(window, atMs));
}

function contains({ from, to, days: on, zone = 'UTC' }: QuietWindow, atMs: number): boolean {
  if (from.includes('T')) return atMs >= Date.parse(from) && atMs < Date.parse(to);
  const { day, time } = localTime(atMs, zone);
  const isOn = (name: string | undefined) => on === undefined || on.some((one) => one === name);
  const today = days[day];
  if (from < to) return isOn(today) && time >= from && time < to;
  // A window over midnight belongs to the day on which it begins; one whose ends are equal is the whole day.
  const yesterday = days[(day + 6) % 7];
  return (isOn(today) && time >= from) || (isOn(yesterday) && time < to);
}

/** The day of the week, from 0 for Sunday, and the time of the day in a zone, `HH:MM`. */
function localTime(atMs: number, zone: string) {
  const parts = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone: zone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  }).formatToParts(atMs);
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '';
  return { day: days.indexOf(part('weekday').toLowerCase()), time: `${part('hour')}:${part('minute')}` };
}
