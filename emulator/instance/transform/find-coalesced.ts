import type { Row } from '../store/row.ts';
import type { Store } from '../store/store.ts';
import type { FieldMap, TransformMap } from './transform-map.ts';

/** How a row stands to the records that are there: no coalesce field, none filled, no match, or a match. */
export type Coalesced =
  | { readonly kind: 'none' }
  | { readonly kind: 'empty'; readonly fields: readonly string[] }
  | { readonly kind: 'match' | 'no-match'; readonly row?: Row };

/**
 * Looks for the record to update. All coalesce fields must match; the first hit counts; text compares without
 * regard to case unless the field map says so (ServiceNow docs, "Updating records using coalesce"). An empty field
 * takes no part unless its map coalesces on empty values.
 */
export function findCoalesced(store: Store, map: TransformMap, values: Row): Coalesced {
  const coalesce = map.fields.filter(
    (field) => field.coalesce && store.schema.column(map.targetTable, field.target),
  );
  if (coalesce.length === 0) return { kind: 'none' };
  const filled = coalesce.filter((field) => (values[field.target] ?? '') !== '' || field.coalesceEmpty);
  if (filled.length === 0) return { kind: 'empty', fields: coalesce.map((field) => field.source) };
  const hits = store.select(map.targetTable, {
    where: filled.map((field) => condition(field, values)).join(' AND '),
    params: filled.flatMap((field) => values[field.target] || []),
  });
  const row = hits.find((hit) =>
    filled.every((field) => !field.caseSensitive || sameCase(field, hit, values)),
  );
  return row ? { kind: 'match', row } : { kind: 'no-match' };
}

function condition(field: FieldMap, values: Row): string {
  return (values[field.target] ?? '') === '' ? `t0."${field.target}" IS NULL` : `t0."${field.target}" = ?`;
}

function sameCase(field: FieldMap, hit: Row, values: Row): boolean {
  return (hit[field.target] ?? '') === (values[field.target] ?? '');
}
