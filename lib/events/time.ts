const iso = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i;
const httpDate = /^[a-z]{3}, \d\d [a-z]{3} \d{4} \d\d:\d\d:\d\d GMT$/i;

/** Epoch seconds of this size are milliseconds. */
const firstMilliseconds = 100_000_000_000;

/**
 * Reads a time as sources write it: ISO 8601 with or without offset (then UTC), the form of HTTP headers, epoch seconds or
 * milliseconds.
 * @returns milliseconds since the Unix epoch; undefined when it is none of them
 */
export function readTime(given: unknown): number | undefined {
  if (typeof given === 'number' || (typeof given === 'string' && /^\d{9,14}(\.\d+)?$/.test(given)))
    return inRange(Number(given) * (Number(given) < firstMilliseconds ? 1_000 : 1));
  if (typeof given !== 'string') return undefined;
  const text = given.trim();
  if (httpDate.test(text)) return inRange(Date.parse(text));
  const [, day, time, offset = 'Z'] = iso.exec(text) ?? [];
  if (day === undefined) return undefined;
  const hours = /^[+-]/.test(offset)
    ? offset.replace(/^([+-]\d\d):?(\d\d)?$/, (_all, h, m) => `${h}:${m ?? '00'}`)
    : 'Z';
  return inRange(Date.parse(`${day}T${time}${hours}`));
}

/** Up to the year 9999, and not before 1970. */
function inRange(ms: number): number | undefined {
  return ms >= 0 && ms <= 253_402_300_799_999 ? Math.floor(ms) : undefined;
}
