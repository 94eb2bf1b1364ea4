import { compileQuery } from './query/compile.ts';
import type { QuerySwitches } from './query/context.ts';
import type { Store } from './store/store.ts';
import { platformStyle } from './time/dates.ts';

type AbortingRule = { readonly name: string; readonly sysId: string; readonly filter: string };

const actionColumn = { insert: 'action_insert', update: 'action_update', delete: 'action_delete' } as const;

const caller = { ...platformStyle, sysId: '', userName: 'system', name: 'system' };

/**
 * The business rules of sys_script that abort: active, `before`, with `abort_action`, on rows that match their
 * `filter_condition`. Their scripts are not run: a rule that has one is refused when it is written.
 */
export class ScriptRules {
  readonly #clock: { now(): number };
  readonly #switches: QuerySwitches;
  /** By operation and table, as read last. */
  readonly #known = new Map<string, readonly AbortingRule[]>();

  constructor(clock: { now(): number }, switches: QuerySwitches) {
    this.#clock = clock;
    this.#switches = switches;
  }

  /** The rule that refuses the row as it is now stored, if any. */
  refusal(
    store: Store,
    operation: keyof typeof actionColumn,
    table: string,
    sysId: string,
  ): AbortingRule | undefined {
    return this.#rulesFor(store, operation, table).find(({ filter }) => {
      const context = { clock: this.#clock, switches: this.#switches, user: caller };
      const { where, params } = compileQuery(store.schema, table, filter, context);
      const selection = { where: `(${where}) AND t0.sys_id = ?`, params: [...params, sysId], limit: 1 };
      return store.select(table, { ...selection, columns: ['sys_id'] }).length > 0;
    });
  }

  /** Reads the rules again when they are next needed. */
  forget(): void {
    this.#known.clear();
  }

  #rulesFor(store: Store, operation: keyof typeof actionColumn, table: string): readonly AbortingRule[] {
    const key = `${operation} ${table}`;
    const known = this.#known.get(key);
    if (known) return known;
    const tables = store.schema.ancestry(table).map(({ name }) => name);
    const marks = tables.map(() => '?').join(', ');
    const where = `t0."active" = 1 AND t0."abort_action" = 1 AND t0."${actionColumn[operation]}" = 1 AND t0."collection" IN (${marks})`;
    const rows = store.select('sys_script', { where, params: tables, orderBy: 't0."order"' });
    const rules = rows.map(({ name = '', sys_id: sysId = '', filter_condition: filter = '' }) => ({
      name,
      sysId,
      filter,
    }));
    this.#known.set(key, rules);
    return rules;
  }
}
