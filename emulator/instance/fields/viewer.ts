import type { Row } from '../store/row.ts';
import type { Store } from '../store/store.ts';
import type { DateStyle } from '../time/date-style.ts';

/** Who looks, and what has been looked up on the way; one per request. */
export class Viewer {
  readonly store: Store;
  readonly dateStyle: DateStyle;
  readonly #rows = new Map<string, Row | undefined>();
  #journal: { readonly sysId: string; readonly entries: readonly Row[] } | undefined;

  constructor(store: Store, dateStyle: DateStyle) {
    this.store = store;
    this.dateStyle = dateStyle;
  }

  /** The row that a reference points to, read once per request. */
  follow(table: string, key: string, keyColumn = 'sys_id'): Row | undefined {
    const at = `${table} ${keyColumn} ${key}`;
    if (this.#rows.has(at)) return this.#rows.get(at);
    const row = this.store.findBy(table, keyColumn, key);
    this.#rows.set(at, row);
    return row;
  }

  /** The journal entries of a record, newest first; those of one record at a time are kept. */
  journalOf(sysId: string): readonly Row[] {
    if (this.#journal?.sysId !== sysId) {
      const where = { where: 't0.element_id = ?', params: [sysId] };
      const orderBy = 't0.sys_created_on DESC, t0.rowid DESC';
      this.#journal = { sysId, entries: this.store.select('sys_journal_field', { ...where, orderBy }) };
    }
    return this.#journal.entries;
  }
}
