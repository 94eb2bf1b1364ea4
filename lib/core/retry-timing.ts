/** Back-off with full jitter: the ceiling doubles from `baseMs` up to `capMs`. */
export type BackOff = { readonly baseMs: number; readonly capMs: number };

/**
 * How long to wait before attempt `attempt + 1`: anything between 0 and the doubling ceiling, in milliseconds.
 * `random` gives numbers in [0, 1). Source: "Exponential Backoff And Jitter", AWS Architecture Blog.
 */
export function fullJitterMs(attempt: number, backOff: BackOff, random: () => number): number {
  const ceiling = Math.min(backOff.capMs, backOff.baseMs * 2 ** (attempt - 1));
  return Math.floor(random() * ceiling);
}

/** A longer wait is read as a day, so that no sum with it overflows a timer. */
const longestMs = 86_400_000;

/**
 * Reads a `Retry-After` value, given in seconds or as an HTTP date (RFC 9110, 10.2.3).
 * @returns milliseconds from `nowMs`, between 0 and a day; undefined when it is absent or cannot be read
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim();
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, longestMs);
  // An HTTP date starts with the name of a day; Date.parse alone would also read "-5" or "2.5" as a date.
  const atMs = /^[A-Za-z]{3}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.min(Math.max(0, atMs - nowMs), longestMs);
}
