import type { Row, Selection } from '../row.ts';

type Reading = { select(table: string, selection: Selection): Row[] };

/** The rows of sys_properties by name. What was read is kept until one of them changes. */
export class Properties {
  readonly #store: Reading;
  #values: ReadonlyMap<string, string> | undefined;

  constructor(store: Reading) {
    this.#store = store;
  }

  /** The value of a property; `''` for one that is not there. */
  value(name: string): string {
    this.#values ??= new Map(
      this.#store.select('sys_properties', {}).map((row) => [row['name'] ?? '', row['value'] ?? '']),
    );
    return this.#values.get(name) ?? '';
  }

  /** Drops what was read; properties are read again when next needed. */
  forget(): void {
    this.#values = undefined;
  }
}
