import type { AuthState } from '../auth/auth-state.ts';
import { Failure, transactionCancelled } from '../http/failure.ts';
import type { Ledger } from '../ledger.ts';
import type { Row } from '../row.ts';
import type { BusinessRules } from '../store/business-rules.ts';
import { type DataDocument, seedRows } from '../store/data-file.ts';
import type { Store } from '../store/store.ts';
import type { Switches } from '../switches.ts';
import type { InstanceClock } from '../time/instance-clock.ts';
import type { ImportSets } from '../transform/import-sets.ts';
import { FaultPlan } from './fault-plan.ts';
import { RateLimits } from './rate-limits.ts';
import { Semaphore } from './semaphore.ts';

type Parts = {
  readonly store: Store;
  readonly clock: InstanceClock;
  readonly ledger: Ledger;
  readonly imports: ImportSets;
  readonly auth: AuthState;
  /** The shared ones; `change` writes to them. */
  readonly switches: Switches;
  /** Fills emptied tables with what the instance started with. */
  readonly seedAll: () => void;
  /** Reads again what is kept of rows: choices, people, properties, rules. */
  readonly rereadAll: () => void;
};

/** What a test does to an instance, and asks of it, in the same process or over `/__emulator/`. */
export class Control {
  readonly faults = new FaultPlan();
  readonly limits: RateLimits;
  /** Business rules that change, redirect, refuse or hide what is written. */
  readonly rules: BusinessRules;
  readonly semaphore: Semaphore;
  readonly clock: InstanceClock;
  readonly ledger: Ledger;
  readonly auth: AuthState;
  readonly switches: Switches;
  readonly #switchesAtStart: Switches;
  readonly #store: Store;
  readonly #imports: ImportSets;
  readonly #seedAll: () => void;
  readonly #rereadAll: () => void;
  /** Aborted by a reset and when the instance closes. */
  #transactions = new AbortController();

  constructor(parts: Parts) {
    this.limits = new RateLimits(parts);
    this.rules = parts.store.rules;
    this.semaphore = new Semaphore(parts.switches.semaphorePermits, parts.switches.semaphoreQueue);
    this.clock = parts.clock;
    this.ledger = parts.ledger;
    this.auth = parts.auth;
    this.switches = parts.switches;
    this.#switchesAtStart = { ...parts.switches };
    this.#store = parts.store;
    this.#imports = parts.imports;
    this.#rereadAll = parts.rereadAll;
    this.#seedAll = parts.seedAll;
  }

  /**
   * How a transaction that begins now waits: on the instance's clock, until its quota ends (a switch), and no longer
   * than until the instance is reset or closed, so that nothing from before a reset is committed after it.
   */
  transactionWait(): (ms: number) => Promise<void> {
    const { signal } = this.#transactions;
    const startedMs = this.clock.now();
    return async (ms) => {
      const quotaMs = this.switches.transactionQuotaMs;
      const leftMs = quotaMs === 0 ? Number.POSITIVE_INFINITY : startedMs + quotaMs - this.clock.now();
      try {
        await this.clock.wait(Math.max(0, Math.min(ms, leftMs)), signal);
      } catch (cause) {
        if (!signal.aborted) throw cause;
        throw new Failure(503, 'The instance is going down');
      }
      if (ms >= leftMs) throw transactionCancelled();
    };
  }

  #abandonTransactions(): void {
    this.#transactions.abort();
    this.#transactions = new AbortController();
  }

  /**
   * Sets switches while the instance runs.
   * @throws Error for `caseSensitiveText`, which the tables are made with.
   */
  change(switches: Partial<Switches>): void {
    const { caseSensitiveText = this.switches.caseSensitiveText } = switches;
    if (caseSensitiveText !== this.switches.caseSensitiveText)
      throw new Error('caseSensitiveText can only be set when the instance starts');
    Object.assign(this.switches, switches);
    this.semaphore.permits = switches.semaphorePermits ?? this.semaphore.permits;
    this.semaphore.queue = switches.semaphoreQueue ?? this.semaphore.queue;
  }

  /** Back to how the instance started: rows, faults, limits, switches, tokens, clock, ledger. Accounts and ACLs added stay. */
  reset(): void {
    this.faults.clear();
    this.#abandonTransactions();
    this.limits.clear();
    this.rules.clear();
    this.change(this.#switchesAtStart);
    this.#imports.abandon();
    this.clock.reset();
    this.auth.tokens.revokeAll();
    this.auth.seenAssertions.clear();
    this.auth.sessions.clear();
    this.auth.accounts.clearFailures();
    this.#store.clear();
    this.#seedAll();
    this.limits.forgetRules();
    this.ledger.clear();
  }

  /** Writes rows as they are given, by table; what is missing is filled in. */
  seed(rows: DataDocument): void {
    seedRows(this.#store, rows);
    this.#rereadAll();
  }

  /** Every row of a table, those of the tables below it included, with the table's own columns. */
  snapshot(table: string): Row[] {
    return this.#store.select(table);
  }

  /** The rows of every table that has any. */
  snapshotAll(): Record<string, Row[]> {
    const { schema } = this.#store;
    const full = schema.tables().map(({ name }): [string, Row[]] => [name, this.snapshot(name)]);
    return Object.fromEntries(full.filter(([, rows]) => rows.length > 0));
  }

  /** Ends every wait that a fault began, and every transform under way. */
  close(): void {
    this.#transactions.abort();
    this.#imports.abandon();
    this.clock.close();
  }
}
