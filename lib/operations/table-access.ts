import { allowsTable, type InstanceConfig } from '../core/config.ts';
import { TableNotAllowedError } from '../core/errors.ts';

/** Which tables of an instance callers may use. */
export type TableAccess = {
  /** Lower case, or `all`. */
  readonly tables: readonly string[] | 'all';
  allows(table: string): boolean;
  /** @throws TableNotAllowedError */
  require(table: string): void;
};

/** The access that `allowedTables` grants. */
export function tableAccess(instance: InstanceConfig): TableAccess {
  const allows = (table: string) => allowsTable(instance, table);
  const { allowedTables } = instance;
  return {
    tables: allowedTables.includes('*') ? 'all' : allowedTables,
    allows,
    require(table) {
      if (!allows(table)) throw new TableNotAllowedError(table);
    },
  };
}
