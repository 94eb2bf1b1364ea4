import type { Schema } from '../schema/schema.ts';
import type { Database } from './database.ts';
import { quoted } from './sql.ts';

/** Shipped numbering starts here: the first incident of a fresh instance is INC0010001. */
const firstNumber = 10_001;

/** The counters behind the `number` columns, one per prefix and hierarchy. */
export class Numbers {
  readonly #database: Database;
  readonly #schema: Schema;
  readonly #next = new Map<string, number>();

  constructor(database: Database, schema: Schema) {
    this.#database = database;
    this.#schema = schema;
  }

  /** The next number of the table, or `''` when it has no numbering. */
  draw(table: string): string {
    const numbering = this.#schema.ancestry(table).find((at) => at.number !== undefined)?.number;
    if (!numbering) return '';
    const key = `${this.#schema.storage(table)} ${numbering.prefix}`;
    const next = this.#next.get(key) ?? this.#afterHighest(table, numbering.prefix);
    this.#next.set(key, next + 1);
    return numbering.prefix + String(next).padStart(numbering.digits, '0');
  }

  /** Forgets all counters: they start again above what the tables then hold. */
  reset(): void {
    this.#next.clear();
  }

  #afterHighest(table: string, prefix: string): number {
    const storage = quoted(this.#schema.storage(table));
    const digits = `CAST(substr(number, ${prefix.length + 1}) AS INTEGER)`;
    const sql = `SELECT max(${digits}) AS highest FROM ${storage} WHERE number GLOB ?`;
    const highest = this.#database.prepare(sql).get(`${prefix}[0-9]*`)?.['highest'];
    return Math.max(firstNumber, typeof highest === 'number' ? highest + 1 : 0);
  }
}
