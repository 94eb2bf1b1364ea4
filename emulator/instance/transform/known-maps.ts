import type { Store } from '../store/store.ts';
import { type TransformMap, transformMapsOf } from './transform-map.ts';

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

  /** Reads them anew from now on. */
  forget(): void {
    this.#byTable.clear();
  }
}
