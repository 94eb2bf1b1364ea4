/**
 * Orders two S3 event sequencers of one key: negative when `a` is older. They are hexadecimal and may differ in
 * length; S3 says to pad the shorter one with zeros on the right before comparing (S3 User Guide, "Event message
 * structure"). Sequencers of different keys say nothing about each other.
 */
export function compareSequencers(a: string, b: string): number {
  const width = Math.max(a.length, b.length);
  const left = a.toLowerCase().padEnd(width, '0');
  const right = b.toLowerCase().padEnd(width, '0');
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
