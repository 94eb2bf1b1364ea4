import type { Column, Table } from './table.ts';

/**
 * The tables of the instance and how they inherit.
 *
 * One SQL table holds a whole hierarchy and bears the name of its root (`task` holds incident, problem and
 * change_request), with the columns of all its classes; `sys_class_name` tells the rows apart. A staging table is
 * its own SQL table although it extends sys_import_set_row.
 */
export class Schema {
  readonly #tables = new Map<string, Table>();

  /** @throws Error when the parent is not known or the name is taken. */
  add(table: Table): void {
    if (this.#tables.has(table.name)) throw new Error(`schema: table ${table.name} is defined twice`);
    if (table.parent !== undefined && !this.#tables.has(table.parent)) {
      throw new Error(`schema: table ${table.name} extends ${table.parent}, which is not defined before it`);
    }
    this.#tables.set(table.name, table);
  }

  table(name: string): Table | undefined {
    return this.#tables.get(name);
  }

  tables(): Table[] {
    return [...this.#tables.values()];
  }

  /** The table and all it extends, nearest first. */
  ancestry(name: string): Table[] {
    const chain: Table[] = [];
    for (let at = this.#tables.get(name); at; at = at.parent ? this.#tables.get(at.parent) : undefined) {
      chain.push(at);
    }
    return chain;
  }

  /** The names of the table and of every table below it. */
  descendants(name: string): string[] {
    return this.tables()
      .filter((table) => this.ancestry(table.name).some((above) => above.name === name))
      .map((table) => table.name);
  }

  /** Own and inherited columns, the root's first. */
  columns(name: string): Column[] {
    return this.ancestry(name)
      .reverse()
      .flatMap((table) => table.columns);
  }

  column(table: string, column: string): Column | undefined {
    for (const at of this.ancestry(table)) {
      const found = at.columns.find((candidate) => candidate.name === column);
      if (found) return found;
    }
    return undefined;
  }

  /** The name of the SQL table that holds this table's rows. */
  storage(name: string): string {
    const chain = this.ancestry(name);
    const root = chain.at(-1)?.name ?? name;
    return root === 'sys_import_set_row' ? name : root;
  }
}
