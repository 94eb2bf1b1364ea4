import type { Ledger } from '../control/ledger.ts';
import type { Store } from '../store/store.ts';
import { dayMs, midnightAfter, toDateTime } from '../time/date-time.ts';
import type { InstanceClock } from '../time/instance-clock.ts';

const keptMs = 7 * dayMs;

/**
 * The daily job that deletes import sets older than seven days, with their rows and histories (ServiceNow docs,
 * "Import sets key concepts": Import Set Deleter). Only the midnights at which a set is due are waited for.
 */
export class ImportSetDeleter {
  readonly #store: Store;
  readonly #clock: InstanceClock;
  readonly #ledger: Ledger;
  #armed = false;

  constructor(store: Store, clock: InstanceClock, ledger: Ledger) {
    this.#store = store;
    this.#clock = clock;
    this.#ledger = ledger;
  }

  /** Waits for the midnight at which the oldest set is due, if there is any and nothing is waited for yet. */
  arm(): void {
    if (this.#armed) return;
    const dated = { where: 't0."sys_created_on" IS NOT NULL', orderBy: 't0."sys_created_on"', limit: 1 };
    const [oldest] = this.#store.select('sys_import_set', dated);
    if (!oldest) return;
    const createdMs = Date.parse(`${oldest['sys_created_on']?.replace(' ', 'T')}Z`);
    this.#armed = true;
    this.#clock.housekeep(midnightAfter(Math.max(createdMs + keptMs, this.#clock.now())), () => this.#run());
  }

  /** Waits for nothing any more, as when the clock has forgotten its jobs. */
  disarm(): void {
    this.#armed = false;
  }

  #run(): void {
    this.#armed = false;
    const job = this.#ledger.openJob('Import Set Deleter', this.#clock.now());
    this.#ledger.during(job, () => this.#deleteOld());
    this.arm();
  }

  #deleteOld(): void {
    const before = toDateTime(this.#clock.now() - keptMs);
    const old = { where: 't0."sys_created_on" < ?', params: [before], columns: ['sys_id', 'table_name'] };
    this.#store.transaction(() => {
      for (const { sys_id: set = '', table_name: table = '' } of this.#store.select('sys_import_set', old)) {
        if (this.#store.schema.table(table)) this.#deleteAll(table, 'sys_import_set', set);
        this.#deleteAll('sys_import_set_row_error', 'import_set', set);
        this.#deleteAll('sys_import_set_run', 'set', set);
        this.#store.remove('sys_import_set', set);
      }
    });
  }

  #deleteAll(table: string, column: string, set: string): void {
    const rows = this.#store.select(table, {
      where: `t0."${column}" = ?`,
      params: [set],
      columns: ['sys_id'],
    });
    for (const { sys_id: sysId = '' } of rows) this.#store.remove(table, sysId);
  }
}
