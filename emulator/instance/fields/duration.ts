const units = [
  ['Day', 86_400],
  ['Hour', 3_600],
  ['Minute', 60],
  ['Second', 1],
] as const;

/** `1970-01-02 04:23:00` as `1 Day 4 Hours 23 Minutes`; seconds show only when nothing larger does. */
export function describeDuration(value: string): string {
  let seconds = Math.floor(Date.parse(`${value.replace(' ', 'T')}Z`) / 1000);
  if (!Number.isFinite(seconds)) return value;
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const amount = Math.floor(seconds / size);
    seconds -= amount * size;
    if (amount > 0 && (size > 1 || parts.length === 0))
      parts.push(`${amount} ${unit}${amount === 1 ? '' : 's'}`);
  }
  return parts.length > 0 ? parts.join(' ') : '0 Seconds';
}
