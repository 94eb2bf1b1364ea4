/** True for a day that the calendar has; `Date` makes 2 March of 30 February. @param month from 1 */
export function isDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** True for a time in ISO 8601 whose day the calendar has. */
export function isOnCalendar(time: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)/.exec(time) ?? [];
  return isDay(Number(year), Number(month), Number(day));
}
