import type { SQLInputValue } from 'node:sqlite';
import type { Database } from './database.ts';
import { quoted } from './sql.ts';

/** A row as it was before a write; undefined when it was not there. */
type Image = Readonly<Record<string, SQLInputValue>> | undefined;

type Change = {
  readonly atMs: number;
  readonly storage: string;
  readonly sysId: string;
  readonly before: Image;
};

type Options = { readonly now: () => number; readonly keptMs: () => number };

/**
 * The writes of the last moments, so that a read can look at the tables as they were before them: what a lagging
 * read replica shows. Nothing is kept while `keptMs` is 0.
 */
export class History {
  readonly #database: Database;
  readonly #options: Options;
  #changes: Change[] = [];

  constructor(database: Database, options: Options) {
    this.#database = database;
    this.#options = options;
  }

  /** Called before each write of a row. */
  note(storage: string, sysId: string): void {
    const keptMs = this.#options.keptMs();
    if (keptMs === 0) return;
    const atMs = this.#options.now();
    if ((this.#changes[0]?.atMs ?? atMs) < atMs - 2 * keptMs)
      this.#changes = this.#changes.filter((change) => change.atMs > atMs - keptMs);
    this.#changes.push({ atMs, storage, sysId, before: this.#image(storage, sysId) });
  }

  /** Runs `read` on the tables as they were `keptMs` ago. */
  before<Result>(read: () => Result): Result {
    const sinceMs = this.#options.now() - this.#options.keptMs();
    const undone = this.#changes.filter((change) => change.atMs > sinceMs).reverse();
    if (undone.length === 0) return read();
    this.#database.exec('SAVEPOINT past');
    try {
      for (const change of undone) this.#undo(change);
      return read();
    } finally {
      this.#database.exec('ROLLBACK TO past');
      this.#database.exec('RELEASE past');
    }
  }

  clear(): void {
    this.#changes = [];
  }

  #image(storage: string, sysId: string): Image {
    const row = this.#database.prepare(`SELECT * FROM ${quoted(storage)} WHERE sys_id = ?`).get(sysId);
    return row && { ...row };
  }

  #undo({ storage, sysId, before }: Change): void {
    this.#database.prepare(`DELETE FROM ${quoted(storage)} WHERE sys_id = ?`).run(sysId);
    if (!before) return;
    const columns = Object.keys(before);
    const names = columns.map(quoted).join(', ');
    const marks = columns.map(() => '?').join(', ');
    this.#database
      .prepare(`INSERT INTO ${quoted(storage)} (${names}) VALUES (${marks})`)
      .run(...columns.map((column) => before[column] ?? null));
  }
}
