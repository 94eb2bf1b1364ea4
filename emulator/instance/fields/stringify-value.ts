/**
 * A JSON value as the platform puts it into a column: text as it is, everything else as Java prints it
 * (`{a=1, b=[x, y]}` for an object), null as empty.
 */
export function stringifyValue(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : printed(value);
}

function printed(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printed).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const parts = Object.entries(value).map(([key, inner]) => `${key}=${printed(inner)}`);
  return `{${parts.join(', ')}}`;
}
