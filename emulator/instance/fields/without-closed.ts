/** A projected record without the fields that are closed to the caller. */
export function withoutClosed<Projected extends Record<string, unknown>>(
  record: Projected,
  isClosed: ((path: string) => boolean) | undefined,
): Projected {
  if (!isClosed) return record;
  for (const name of Object.keys(record)) {
    if (isClosed(name)) delete record[name];
  }
  return record;
}
