import type * as z from 'zod';
import { lazySchema } from '../lazy-schema.ts';
import type { Row } from '../row.ts';
import type { Schema } from '../schema/schema.ts';
import { matches } from './policies.ts';

/** What a business rule may hang on. */
type Operation = 'insert' | 'update' | 'delete';

export const businessRuleSchema = lazySchema((z) => {
  const columns = z.record(z.string(), z.string());
  return z.strictObject({
    /** The rule holds for the tables below this one too. */
    table: z.string(),
    on: z
      .array(z.enum(['insert', 'update', 'delete']))
      .min(1)
      .default(['insert']),
    /** Only for rows whose columns hold one of these values. */
    when: z.record(z.string(), z.array(z.string())).exactOptional(),
    /**
     * - `abort` refuses the write with a 403.
     * - `set` changes columns before the row is written (to close it, for example), or `afterMs` later by the system.
     * - `redirect` lets an insert land in `toTable`, or in the same table, under a sys_id of the instance's own.
     * - `require` refuses the write when one of `columns` is empty, as a data policy does.
     * - `hide` keeps the record out of every read from then on, for every user; counts still include it.
     */
    action: z.enum(['abort', 'set', 'redirect', 'require', 'hide']),
    set: columns.exactOptional(),
    columns: z.array(z.string()).min(1).exactOptional(),
    afterMs: z.number().nonnegative().exactOptional(),
    toTable: z.string().exactOptional(),
    name: z.string().default('Emulated rule'),
    /** How many writes it meets before it is spent; without end by default. */
    count: z.number().int().positive().exactOptional(),
    /** How many matching writes pass first. */
    skip: z.number().int().nonnegative().default(0),
    /** Chance that a matching write is met, drawn from `seed`. */
    probability: z.number().min(0).max(1).exactOptional(),
    seed: z.number().int().default(1),
  });
});

/** A business rule as it is requested, e.g. `{ table: 'incident', action: 'set', set: { state: '7' } }`. */
export type BusinessRuleRequest = z.input<ReturnType<typeof businessRuleSchema>>;
export type BusinessRule = z.output<ReturnType<typeof businessRuleSchema>>;

type ActiveRule = { readonly rule: BusinessRule; readonly random: () => number; met: number; struck: number };

/** The business rules that a test adds while the instance runs, and the records that they hide. */
export class BusinessRules {
  /** sys_ids of records that no read shows. */
  readonly hidden = new Set<string>();
  readonly #schema: Schema;
  readonly #randomOf: (seed: number) => () => number;
  #rules: ActiveRule[] = [];

  constructor(schema: Schema, randomOf: (seed: number) => () => number) {
    this.#schema = schema;
    this.#randomOf = randomOf;
  }

  /** @throws z.ZodError when the rule is malformed, Error when it names an unknown table or column. */
  add(request: BusinessRuleRequest): void {
    const rule = businessRuleSchema().parse(request);
    if (rule.action === 'require' && rule.columns === undefined)
      throw new Error('rules: an action of require names its columns');
    const named = Object.fromEntries((rule.columns ?? []).map((name) => [name, '']));
    this.#requireColumns(rule.table, { ...rule.when, ...rule.set, ...named });
    if (rule.toTable !== undefined) this.#requireColumns(rule.toTable, {});
    this.#rules.push({ rule, random: this.#randomOf(rule.seed), met: 0, struck: 0 });
  }

  /** The rules with how often each has struck. */
  list(): (BusinessRule & { struck: number })[] {
    return this.#rules.map(({ rule, struck }) => ({ ...rule, struck }));
  }

  /** Removes the rules; records that they hid are readable again. */
  clear(): void {
    this.#rules = [];
    this.hidden.clear();
  }

  /** The rules that meet this write, in the order they were added; each counts as used. */
  pick(operation: Operation, table: string, row: Row): BusinessRule[] {
    if (this.#rules.length === 0) return [];
    const lineage = new Set(this.#schema.ancestry(table).map(({ name }) => name));
    return this.#rules
      .filter(({ rule }) => lineage.has(rule.table) && rule.on.includes(operation) && matches(row, rule.when))
      .filter(strikes)
      .map(({ rule }) => rule);
  }

  #requireColumns(table: string, columns: object): void {
    if (!this.#schema.table(table)) throw new Error(`rules: there is no table ${table}`);
    const unknown = Object.keys(columns).find((name) => !this.#schema.column(table, name));
    if (unknown !== undefined) throw new Error(`rules: table ${table} has no column ${unknown}`);
  }
}

function strikes(active: ActiveRule): boolean {
  const { rule } = active;
  active.met += 1;
  if (active.met <= rule.skip || active.struck >= (rule.count ?? Number.POSITIVE_INFINITY)) return false;
  if (rule.probability !== undefined && active.random() >= rule.probability) return false;
  active.struck += 1;
  return true;
}
