const number = new Intl.NumberFormat('en-US');

/** `1 row`, `1,234 rows`; the plural adds an `s` to the noun. */
export function counted(count: number, noun: string): string {
  return `${number.format(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `1,234` */
export function figure(count: number): string {
  return number.format(count);
}

/** `84 ms`, `1.9 s`, `3 min`, `5 h`, `4 d`. */
export function lasting(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}
