type Connection = { exec(sql: string): void };

/**
 * Transactions of one database: one at a time, which inner ones join. What is to be told of a write is told once the
 * write is there to stay.
 */
export class Transactions {
  readonly #connection: Connection;
  #open = false;
  #untold: (() => void)[] = [];

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
      this.#untold = [];
      this.#connection.exec('ROLLBACK');
      throw cause;
    } finally {
      this.#open = false;
      this.#tellAll();
    }
  }

  /** The same, but what fails is undone alone: the transaction that it is part of goes on. */
  attempt<Result>(work: () => Result): Result {
    if (!this.#open) return this.run(work);
    const toldBefore = this.#untold.length;
    this.#connection.exec('SAVEPOINT attempt');
    try {
      return work();
    } catch (cause) {
      this.#untold.length = toldBefore;
      this.#connection.exec('ROLLBACK TO attempt');
      throw cause;
    } finally {
      this.#connection.exec('RELEASE attempt');
    }
  }

  /** Tells at once, or when the transaction has been committed; never when it is undone. */
  tell(what: () => void): void {
    if (this.#open) this.#untold.push(what);
    else what();
  }

  #tellAll(): void {
    const told = this.#untold;
    this.#untold = [];
    for (const what of told) what();
  }
}
