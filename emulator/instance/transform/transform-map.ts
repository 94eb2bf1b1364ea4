import type { Row } from '../row.ts';
import type { Store } from '../store/store.ts';

/** One field map: which staging column goes to which target column, and how. */
export type FieldMap = {
  readonly source: string;
  readonly target: string;
  readonly coalesce: boolean;
  readonly caseSensitive: boolean;
  readonly coalesceEmpty: boolean;
  /** Column of the referenced table that the source value is compared with; its display column when empty. */
  readonly referenceValueField: string;
  /** What is done with a reference or choice that does not exist yet. */
  readonly choiceAction: 'create' | 'ignore' | 'reject';
  /** Form of source dates in Java's letters, e.g. `dd-MM-yyyy HH:mm:ss`; empty for the platform's own. */
  readonly dateFormat: string;
};

/** A transform map with its field maps. */
export type TransformMap = {
  readonly sysId: string;
  readonly name: string;
  readonly sourceTable: string;
  readonly targetTable: string;
  readonly enforceMandatory: 'no' | 'only_mapped' | 'all';
  readonly copyEmptyFields: boolean;
  readonly createOnEmptyCoalesce: boolean;
  readonly fields: readonly FieldMap[];
};

/** The active maps of a staging table by their order, read from sys_transform_map and sys_transform_entry. */
export function transformMapsOf(store: Store, stagingTable: string): TransformMap[] {
  const maps = store.select('sys_transform_map', {
    where: 't0."source_table" = ? AND t0."active" = 1',
    params: [stagingTable],
    orderBy: 't0."order"',
  });
  return maps.map((row) => toMap(row, entriesOf(store, row['sys_id'] ?? '')));
}

function entriesOf(store: Store, map: string): FieldMap[] {
  return store.select('sys_transform_entry', { where: 't0."map" = ?', params: [map] }).map(toFieldMap);
}

function toMap(row: Row, fields: FieldMap[]): TransformMap {
  const mandatory = row['enforce_mandatory_fields'];
  return {
    sysId: row['sys_id'] ?? '',
    name: row['name'] ?? '',
    sourceTable: row['source_table'] ?? '',
    targetTable: row['target_table'] ?? '',
    enforceMandatory: mandatory === 'all' || mandatory === 'only_mapped' ? mandatory : 'no',
    copyEmptyFields: row['copy_empty_fields'] === 'true',
    createOnEmptyCoalesce: row['create_new_record_on_empty_coalesce_fields'] === 'true',
    fields,
  };
}

function toFieldMap(row: Row): FieldMap {
  const action = row['choice_action'];
  return {
    source: row['source_field'] ?? '',
    target: row['target_field'] ?? '',
    coalesce: row['coalesce'] === 'true',
    caseSensitive: row['coalesce_case_sensitive'] === 'true',
    coalesceEmpty: row['coalesce_empty_fields'] === 'true',
    referenceValueField: row['reference_value_field'] ?? '',
    choiceAction: action === 'ignore' || action === 'reject' ? action : 'create',
    dateFormat: row['date_format'] ?? '',
  };
}

/** The transform maps of each staging table, as read last. */
export class KnownMaps {
  readonly #store: Store;
  readonly #byTable = new Map<string, TransformMap[]>();

  constructor(store: Store) {
    this.#store = store;
  }

  of(table: string): TransformMap[] {
    const known = this.#byTable.get(table);
    if (known) return known;
    const maps = transformMapsOf(this.#store, table);
    this.#byTable.set(table, maps);
    return maps;
  }

  /** Drops what was read; maps are read again when they are next needed. */
  forget(): void {
    this.#byTable.clear();
  }
}
