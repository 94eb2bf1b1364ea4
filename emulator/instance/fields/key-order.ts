/**
 * The order in which an instance writes the fields of a record: that of a Java HashMap, whatever was asked for.
 * Every recorded record that was looked at fits it, of 1 to 112 fields, from 2017 to 2024, and so does what PySNC's
 * tests expect of a live instance. Fields that share a bucket come as they went in: in alphabetical order when all
 * were asked for, else in the order asked.
 */
export function inAnswerOrder<Field extends { readonly key: string }>(fields: readonly Field[]): Field[] {
  const mask = capacityFor(fields.length) - 1;
  const bucketed = fields.map((field) => ({ field, bucket: spreadHash(field.key) & mask }));
  return bucketed.sort((left, right) => left.bucket - right.bucket).map(({ field }) => field);
}

const initialCapacity = 16;
const loadFactor = 0.75;
const hashes = new Map<string, number>();

/** A HashMap doubles once it is fuller than three quarters. */
function capacityFor(size: number): number {
  let capacity = initialCapacity;
  while (size > capacity * loadFactor) capacity *= 2;
  return capacity;
}

/** `String.hashCode`, its high half mixed into the low one. */
function spreadHash(key: string): number {
  const known = hashes.get(key);
  if (known !== undefined) return known;
  let hash = 0;
  for (let at = 0; at < key.length; at += 1) hash = (Math.imul(31, hash) + key.charCodeAt(at)) | 0;
  const spread = hash ^ (hash >>> 16);
  // Dot-walked keys come from callers, without end; the columns of a schema do have one.
  if (!key.includes('.')) hashes.set(key, spread);
  return spread;
}
