const MOST = 1000;

/** `max-keys`, 1000 at most and by default. */
export function maxKeys(query: URLSearchParams): number {
  const asked = Number(query.get('max-keys') ?? MOST);
  return Number.isInteger(asked) && asked >= 0 ? Math.min(asked, MOST) : MOST;
}

/** Keys as they are, or percent-encoded when the caller asks with `encoding-type=url`. */
export function keyEncoder(query: URLSearchParams): (key: string) => string {
  if (query.get('encoding-type') !== 'url') return (key) => key;
  return (key) => encodeURIComponent(key).replaceAll('%2F', '/');
}
