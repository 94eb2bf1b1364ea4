type Connection = { exec(sql: string): void };

/**
 * Transactions of one database: one at a time, which inner ones join. Listeners are notified of a write once it is
 * committed.
 */
export class Transactions {
  readonly #connection: Connection;
  #open = false;
  #pending: (() => void)[] = [];

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Runs `work` in one transaction, or as part of the one that is open. */
  run<Result>(work: () => Result): Result {
    if (this.#open) return work();
    this.#connection.exec('BEGIN');
    this.#open = true;
    try {
      const result = work();
      this.#connection.exec('COMMIT');
      return result;
    } catch (cause) {
      this.#pending = [];
      this.#connection.exec('ROLLBACK');
      throw cause;
    } finally {
      this.#open = false;
      this.#notifyAll();
    }
  }

  /** The same, but what fails is undone alone: the transaction that it is part of goes on. */
  attempt<Result>(work: () => Result): Result {
    if (!this.#open) return this.run(work);
    const pendingBefore = this.#pending.length;
    this.#connection.exec('SAVEPOINT attempt');
    try {
      return work();
    } catch (cause) {
      this.#pending.length = pendingBefore;
      this.#connection.exec('ROLLBACK TO attempt');
      throw cause;
    } finally {
      this.#connection.exec('RELEASE attempt');
    }
  }

  /** Notifies at once, or when the transaction has been committed; never after a rollback. */
  notify(what: () => void): void {
    if (this.#open) this.#pending.push(what);
    else what();
  }

  #notifyAll(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const what of pending) what();
  }
}
