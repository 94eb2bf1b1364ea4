/** A projected record without the fields whose column, the first of a dot-walk, is closed to the caller. */
export function withoutClosed<Projected extends Record<string, unknown>>(
  record: Projected,
  closed: ReadonlySet<string>,
): Projected {
  if (closed.size === 0) return record;
  for (const name of Object.keys(record)) {
    if (closed.has(name.split('.')[0] ?? '')) delete record[name];
  }
  return record;
}
