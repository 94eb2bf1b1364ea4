const originals = new WeakMap<object, object>();

/**
 * A copy of an event for expressions, to which null is a value that most functions refuse: members that are null are left out, as if
 * the source had not sent them; elements that are null stay, since lists are read by position. Patterns need the original, since they
 * may ask for null.
 */
export function withoutNull(given: unknown): unknown {
  if (typeof given !== 'object' || given === null) return given ?? undefined;
  if (Array.isArray(given)) return given.map((one) => (one === null ? null : withoutNull(one)));
  const members = Object.entries(given).filter(([name, one]) => one !== null && name !== '__proto__');
  const copy = Object.fromEntries(members.map(([name, one]) => [name, withoutNull(one)]));
  originals.set(copy, given);
  return copy;
}

/** True for an object that `withoutNull` made. */
export function isCopy(value: object): boolean {
  return originals.has(value);
}

/** What an object was copied from, nulls included; itself where it is no copy. */
export function originalOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (originals.get(value) ?? value) : value;
}
