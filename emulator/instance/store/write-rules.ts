import { type Author, type Row, system } from '../row.ts';
import type { Schema } from '../schema/schema.ts';
import type { Switches } from '../switches.ts';
import { sysIdOf } from '../sys-ids.ts';
import { runBaseRules } from './base-rules.ts';
import { type BusinessRule, BusinessRules } from './business-rules.ts';
import { enforcePolicies, requireValues, runRules } from './policies.ts';
import { AbortedByRule } from './refusals.ts';

type Operation = 'insert' | 'update' | 'delete';

export type WriteRuleOptions = {
  readonly schema: Schema;
  readonly clock: { now(): number; at(dueMs: number, run: () => void): void };
  readonly switches: Switches;
  /** Makes a source of random numbers of its own from a seed. */
  readonly randomOf: (seed: number) => () => number;
  /** The rule of sys_script that refuses a row as it now stands; asked within the transaction of the write. */
  readonly refusal?: (
    operation: Operation,
    table: string,
    sysId: string,
  ) => { readonly name: string; readonly sysId: string } | undefined;
};

/** Reads a row that a rule needs beyond the one it looks at. */
type RowFinder = { readonly find: (table: string, sysId: string) => Row | undefined };

/** A write of a row: its table, its author and the values that the author gave. */
type Asked = { readonly table: string; readonly given: Row; readonly by: Author };

/**
 * Everything that has a say in a write, in this order: the rules that a test added, the base system's, those of the
 * schema file, data policies, and, once the row is written, the rules of sys_script.
 */
export class WriteRules {
  /** The rules that tests add while the instance runs. */
  readonly business: BusinessRules;
  readonly #options: WriteRuleOptions & RowFinder;

  constructor(options: WriteRuleOptions & RowFinder) {
    this.#options = options;
    this.business = new BusinessRules(options.schema, options.randomOf);
  }

  /**
   * The row that an insert makes of the composed one.
   * @throws RecordRefused when a rule or policy refuses it.
   */
  rowToInsert({ table, given, by }: Asked, composed: Row, picked: readonly BusinessRule[]): Row {
    const ruled = { ...composed, ...this.setBy(picked, table) };
    const row = { ...ruled, ...this.#baseChanges({ table, given, by }, undefined, ruled) };
    runRules(this.#options.schema, table, 'insert', row);
    this.#enforcePolicies(table, composed, by, picked);
    return row;
  }

  /**
   * The changes that an update makes, without what comes to the same as before. `asked` are those of the caller, `ruled`
   * those of business rules.
   * @throws RecordRefused when a base rule refuses them.
   */
  changesToUpdate(update: Asked, before: Row, asked: Row, ruled: Row): Row {
    const changes = { ...asked, ...ruled };
    if (Object.keys(changes).length === 0) return changes;
    const base = this.#baseChanges(update, before, { ...before, ...changes });
    const merged = Object.entries({ ...changes, ...base });
    return Object.fromEntries(merged.filter(([name, value]) => value !== (before[name] ?? '')));
  }

  /** @throws RecordRefused when a rule of the schema, or a policy on what the caller asked, refuses the update. */
  requireUpdate(
    { table, by }: Asked,
    before: Row,
    asked: Row,
    changes: Row,
    picked: readonly BusinessRule[],
  ): void {
    runRules(this.#options.schema, table, 'update', { ...before, ...changes });
    this.#enforcePolicies(table, { ...before, ...asked }, by, picked);
  }

  /** @throws RecordRefused when a rule refuses the delete. */
  requireDelete(table: string, row: Row): void {
    this.setBy(this.business.pick('delete', table, row), table);
    runRules(this.#options.schema, table, 'delete', row);
    this.requireAccepted('delete', table, row['sys_id'] ?? '');
  }

  /** @throws AbortedByRule when a rule of sys_script refuses the row as it is now stored. */
  requireAccepted(operation: Operation, table: string, sysId: string): void {
    const rule = this.#options.refusal?.(operation, table, sysId);
    if (rule) throw new AbortedByRule(table, rule);
  }

  /** What the picked business rules put into the row. @throws AbortedByRule */
  setBy(picked: readonly BusinessRule[], table: string): Row {
    const abort = picked.find(({ action }) => action === 'abort');
    if (abort) throw new AbortedByRule(table, { name: abort.name, sysId: sysIdOf('sys_script', abort.name) });
    const set = picked.filter(({ action, afterMs }) => action === 'set' && afterMs === undefined);
    const values = set.flatMap((rule) => Object.entries(rule.set ?? {}));
    return Object.fromEntries(values.filter(([name]) => this.#options.schema.column(table, name)));
  }

  /** What the picked business rules do once the row is written; `change` updates it later. */
  afterWrite(picked: readonly BusinessRule[], sysId: string, change: (values: Row) => void): void {
    const { clock } = this.#options;
    for (const { action, set = {}, afterMs } of picked) {
      if (action === 'hide') this.business.hidden.add(sysId);
      if (action === 'set' && afterMs !== undefined) clock.at(clock.now() + afterMs, () => change(set));
    }
  }

  #baseChanges({ table, given, by }: Asked, before: Row | undefined, after: Row): Row {
    const { schema, clock, switches, find } = this.#options;
    return runBaseRules(schema, { table, before, after, given, by, nowMs: clock.now(), find }, switches);
  }

  /** Policies bind callers, neither the rules of the instance nor the platform itself. */
  #enforcePolicies(table: string, row: Row, by: Author, picked: readonly BusinessRule[]): void {
    const { schema, switches } = this.#options;
    if (by === system) return;
    enforcePolicies(schema, table, row, (policy) => policy.switch === undefined || switches[policy.switch]);
    const required = picked.filter(({ action }) => action === 'require');
    requireValues(
      schema,
      table,
      row,
      required.flatMap(({ columns = [] }) => columns),
    );
  }
}
