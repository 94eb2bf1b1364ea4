import { DateTime } from 'luxon';
import { type Fragment, sql } from '../fragment.ts';

const firstYear = 1990;
const lastYear = 2060;

/** A stretch of time in which a zone keeps one offset: it ends before `until` (UTC, as stored). */
type Stretch = { readonly until: string; readonly offsetMinutes: number };

const stretchesByZone = new Map<string, readonly Stretch[]>();

/**
 * A stored UTC date-time as the clock on the wall shows it in an IANA zone. SQLite knows no zones, so the changes of
 * offset are written out. Outside the years listed the nearest known offset is used.
 */
export function localTime(expression: Fragment, zone: string): Fragment {
  const stretches = stretchesByZone.get(zone) ?? readStretches(zone);
  stretchesByZone.set(zone, stretches);
  const last = stretches.at(-1)?.offsetMinutes ?? 0;
  const earlier = stretches.slice(0, -1);
  if (earlier.length === 0) return last === 0 ? expression : sql`datetime(${expression}, ${modifier(last)})`;
  const cases = earlier.map(
    ({ until, offsetMinutes }) => sql`WHEN ${expression} < '${until}' THEN ${modifier(offsetMinutes)}`,
  );
  const choice = cases.reduce((all, one) => sql`${all} ${one}`);
  return sql`datetime(${expression}, CASE ${choice} ELSE ${modifier(last)} END)`;
}

function modifier(offsetMinutes: number): string {
  return `'${offsetMinutes >= 0 ? '+' : ''}${offsetMinutes} minutes'`;
}

function readStretches(zone: string): Stretch[] {
  const stretches: Stretch[] = [];
  let at = DateTime.utc(firstYear).toMillis();
  const end = DateTime.utc(lastYear).toMillis();
  while (at < end) {
    const offsetMinutes = offsetAt(at, zone);
    const until = nextChange(at, end, zone);
    stretches.push({
      until: DateTime.fromMillis(until, { zone: 'utc' }).toFormat('yyyy-MM-dd HH:mm:ss'),
      offsetMinutes,
    });
    at = until;
  }
  return stretches;
}

/** Steps of a week find the change, halving finds its second; no zone changes twice in a week. */
function nextChange(from: number, end: number, zone: string): number {
  const weekMs = 7 * 24 * 3600 * 1000;
  const offset = offsetAt(from, zone);
  let low = from;
  let high = Math.min(from + weekMs, end);
  while (offsetAt(high, zone) === offset) {
    if (high >= end) return end;
    low = high;
    high = Math.min(high + weekMs, end);
  }
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (offsetAt(middle, zone) === offset) low = middle;
    else high = middle;
  }
  return high;
}

function offsetAt(millis: number, zone: string): number {
  return DateTime.fromMillis(millis, { zone }).offset;
}
