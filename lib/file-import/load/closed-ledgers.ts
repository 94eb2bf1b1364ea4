import type { ImportFolder } from '../work-folder.ts';
import { type LoadLedger, readLedger } from './ledger.ts';

/** So many are kept: a few more than are waiting for their verdicts while all goes well. */
const keptAtMost = 8;

/** The ledgers of groups that are loaded; those that this process closed last need not be fetched again. */
export class ClosedLedgers {
  readonly #folder: ImportFolder;
  readonly #kept = new Map<number, LoadLedger>();

  constructor(folder: ImportFolder) {
    this.#folder = folder;
  }

  keep(group: number, ledger: LoadLedger): void {
    this.#kept.set(group, ledger);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size > keptAtMost) this.#kept.delete(oldest);
  }

  /** @throws Error when the group was not loaded to its end */
  async get(group: number): Promise<LoadLedger> {
    const ledger = this.#kept.get(group) ?? (await readLedger(this.#folder, group));
    if (!ledger?.next) throw new Error(`group ${group} was not loaded to its end`);
    return ledger;
  }
}
