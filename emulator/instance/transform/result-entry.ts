import type { Schema } from '../schema/schema.ts';
import type { Row } from '../store/row.ts';
import type { Store } from '../store/store.ts';
import type { MapOutcome } from './import-sets.ts';

/** Where a row stands when it has no target record. */
type StagingPlace = { readonly table: string; readonly sysId: string };

/**
 * `result` of the answer about a row: one entry per transform map, or, when none has reached it yet, one that points to
 * the staging row. `base` is the origin and `/api/now`, with the version the caller used.
 */
export function resultEntries(
  store: Store,
  outcomes: readonly MapOutcome[],
  staging: StagingPlace,
  base: string,
): Row[] {
  if (outcomes.length === 0) return [pendingEntry(store, staging, base)];
  return outcomes.map((outcome) => resultEntry(store, outcome, staging, base));
}

/** One entry of `result` in the answer to a single row: what one transform map made of it (contract 4.1). */
function resultEntry(store: Store, entry: MapOutcome, staging: StagingPlace, base: string): Row {
  const { map, outcome } = entry;
  const place = outcome.sysId === undefined ? staging : { table: map.targetTable, sysId: outcome.sysId };
  const display = displayOf(store, place);
  return {
    transform_map: map.name,
    table: place.table,
    ...display,
    record_link: `${base}/table/${place.table}/${place.sysId}`,
    status: outcome.state,
    sys_id: place.sysId,
    ...(outcome.comment !== '' && { status_message: outcome.comment }),
    ...(outcome.error && { error_message: outcome.error.message }),
    ...outcome.extra,
  };
}

/** The entry of a row that no transform has reached yet: it points to the staging row itself. */
function pendingEntry(store: Store, staging: StagingPlace, base: string): Row {
  return {
    table: staging.table,
    ...displayOf(store, staging),
    record_link: `${base}/table/${staging.table}/${staging.sysId}`,
    status: 'pending',
    sys_id: staging.sysId,
  };
}

function displayOf(store: Store, place: StagingPlace): { display_name: string; display_value: string } {
  const name = displayName(store.schema, place.table);
  return { display_name: name, display_value: store.find(place.table, place.sysId)?.[name] ?? '' };
}

/** The display column, or for a staging table the row number. */
function displayName(schema: Schema, table: string): string {
  const column = schema.displayColumn(table);
  return column === 'sys_id' && schema.column(table, 'sys_import_row') ? 'sys_import_row' : column;
}
