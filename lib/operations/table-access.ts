import { allowsTable, type InstanceConfig } from '../core/config.ts';
import { TableNotAllowedError } from '../core/errors.ts';

/** Which tables of an instance callers may use. */
export type TableAccess = {
  /** Lower case, or `all`. */
  readonly tables: readonly string[] | 'all';
  /** True when fields and queries may not lead into tables that are not on the list. */
  readonly isBounded: boolean;
  allows(table: string): boolean;
  /** @throws TableNotAllowedError */
  require(table: string): void;
};

/** The access that `allowedTables` and `dotWalkAnywhere` grant. */
export function tableAccess(instance: InstanceConfig, dotWalkAnywhere: boolean): TableAccess {
  const allows = (table: string) => allowsTable(instance, table);
  const tables = instance.allowedTables.includes('*') ? 'all' : instance.allowedTables;
  return {
    tables,
    isBounded: tables !== 'all' && !dotWalkAnywhere,
    allows,
    require(table) {
      if (!allows(table)) throw new TableNotAllowedError(table);
    },
  };
}
