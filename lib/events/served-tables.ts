import type { CompiledMapping, Mappings, Parts } from './mapping.ts';

/**
 * What mapping files write or look up in tables that the deployment does not serve: the signals become dead letters.
 * @param allowed the tables of the param `allowedTables`, in lower case
 */
export function unservedTables(
  { mappings, defaults }: Mappings,
  allowed: readonly string[],
): readonly string[] {
  if (allowed.includes('*')) return [];
  return mappings.flatMap((mapping) => {
    const targets = new Set(mapping.target.map(({ is }) => is));
    const found = [
      ...lookedUp(
        mapping,
        [...targets].map((one) => defaults[one] ?? {}),
      ),
    ];
    const missing = (tables: Iterable<string>) =>
      [...new Set(tables)].filter((table) => !allowed.includes(table.toLowerCase()));
    return [
      ...missing(targets).map((table) => `${mapping.file}: target ${table} ${advice}`),
      ...missing(found).map((table) => `${mapping.file}: the look-up in ${table} ${advice}`),
    ];
  });
}

const advice = 'is not in allowedTables: its signals become dead letters until the table is added there';

function lookedUp(mapping: CompiledMapping, defaults: readonly Parts[]): readonly string[] {
  const fields = [mapping, ...mapping.signal, ...defaults].flatMap((parts) =>
    Object.values(parts.fields ?? {}),
  );
  return fields.flatMap((one) => ('lookup' in one ? [one.lookup.find] : []));
}
