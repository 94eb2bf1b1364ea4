import { classColumn, systemColumns } from './columns.ts';
import type { Choice, Column, Table } from './table.ts';

/** Tables whose rows are those of the tables below them, each in a SQL table of its own. */
const viewRoots: ReadonlySet<string> = new Set(['sys_import_set_row', 'sys_metadata']);

/** All that is derived from a table and the tables above and below it. */
type Lineage = {
  readonly ancestry: Table[];
  readonly descendants: string[];
  readonly columns: Column[];
  readonly byName: ReadonlyMap<string, Column>;
  readonly storage: string;
};

const withColumns = (table: Table, extra: readonly Column[]): Table => {
  const own = new Set(table.columns.map((column) => column.name));
  return { ...table, columns: [...table.columns, ...extra.filter((column) => !own.has(column.name))] };
};

/**
 * The tables of the instance and how they inherit.
 *
 * One SQL table holds a whole hierarchy and bears the name of its root (`task` holds incident, problem and
 * change_request), with the columns of all its classes; `sys_class_name` distinguishes the rows. A staging table is
 * its own SQL table although it extends sys_import_set_row, which is a SQL view of them all; so is sys_metadata.
 */
export class Schema {
  readonly #tables = new Map<string, Table>();
  readonly #lineages = new Map<string, Lineage>();

  /**
   * Adds a table. A table without a parent is given the system columns (sys_id, sys_created_on, …), and
   * sys_class_name once another table extends it.
   * @throws Error when the parent is not known or the name is taken.
   */
  add(table: Table): void {
    if (this.#tables.has(table.name)) throw new Error(`schema: table ${table.name} is defined twice`);
    if (table.parent !== undefined && !this.#tables.has(table.parent)) {
      throw new Error(`schema: table ${table.name} extends ${table.parent}, which is not defined before it`);
    }
    this.#tables.set(table.name, table.parent === undefined ? withColumns(table, systemColumns) : table);
    if (table.parent !== undefined) this.#addClassColumn(table);
    this.#lineages.clear();
  }

  /** The table that defines a column of `table`: that one or, the nearest first, one above it. */
  ownerOf(table: string, columnName: string): string | undefined {
    return this.ancestry(table).find((at) => at.columns.some(({ name }) => name === columnName))?.name;
  }

  /**
   * Adds a choice to a column, wherever above `table` that is defined.
   * @throws Error when there is no such column.
   */
  addChoice(table: string, columnName: string, choice: Choice): void {
    const choices = this.column(table, columnName)?.choices ?? [];
    this.setChoices(table, columnName, [...choices, choice]);
  }

  /**
   * Puts these choices in place of those of a column, wherever above `table` that is defined.
   * @throws Error when there is no such column.
   */
  setChoices(table: string, columnName: string, choices: readonly Choice[]): void {
    const owner = this.#tables.get(this.ownerOf(table, columnName) ?? '');
    if (!owner) throw new Error(`schema: table ${table} has no column ${columnName}`);
    const columns = owner.columns.map((column) =>
      column.name === columnName ? { ...column, choices } : column,
    );
    this.#tables.set(owner.name, { ...owner, columns });
    this.#lineages.clear();
  }

  table(name: string): Table | undefined {
    return this.#tables.get(name);
  }

  tables(): Table[] {
    return [...this.#tables.values()];
  }

  /** The table and all it extends, nearest first. */
  ancestry(name: string): Table[] {
    return this.#lineage(name)?.ancestry ?? [];
  }

  /** The names of the table and of every table below it. */
  descendants(name: string): string[] {
    return this.#lineage(name)?.descendants ?? [];
  }

  /** Own and inherited columns, the root's first. */
  columns(name: string): Column[] {
    return this.#lineage(name)?.columns ?? [];
  }

  column(table: string, column: string): Column | undefined {
    return this.#lineage(table)?.byName.get(column);
  }

  /** The name of the SQL table that holds this table's rows. */
  storage(name: string): string {
    return this.#lineage(name)?.storage ?? name;
  }

  /** Whether the table has no rows but those of the tables below it: its SQL table is a view. */
  isView(name: string): boolean {
    return viewRoots.has(name) && this.descendants(name).length > 1;
  }

  /** The column that stands for a row of the table where something refers to it; the nearest definition wins. */
  displayColumn(name: string): string {
    return this.ancestry(name).find((table) => table.display !== undefined)?.display ?? 'sys_id';
  }

  /**
   * Adds columns, policies, rules and views to a table that is there, and replaces its display column and numbering.
   * A column of the same name is replaced.
   */
  extend(name: string, addition: Partial<Omit<Table, 'name' | 'parent'>>): void {
    const table = this.#tables.get(name);
    if (!table) throw new Error(`schema: there is no table ${name} to extend`);
    const added = addition.columns ?? [];
    const names = new Set(added.map((column) => column.name));
    this.#tables.set(name, {
      ...table,
      ...addition,
      columns: [...table.columns.filter((column) => !names.has(column.name)), ...added],
      policies: [...(table.policies ?? []), ...(addition.policies ?? [])],
      rules: [...(table.rules ?? []), ...(addition.rules ?? [])],
      views: { ...table.views, ...addition.views },
    });
    this.#lineages.clear();
  }

  #addClassColumn(child: Table): void {
    const root = this.#above(child).at(-1);
    const hasClass = root?.columns.some(({ name }) => name === classColumn.name);
    if (root && !hasClass) this.#tables.set(root.name, withColumns(root, [classColumn]));
  }

  #lineage(name: string): Lineage | undefined {
    const known = this.#lineages.get(name);
    if (known) return known;
    const table = this.#tables.get(name);
    if (!table) return undefined;
    const lineage = this.#trace(table);
    this.#lineages.set(name, lineage);
    return lineage;
  }

  #trace(table: Table): Lineage {
    const ancestry = this.#above(table);
    const byName = new Map<string, Column>();
    for (const above of [...ancestry].reverse()) {
      for (const column of above.columns) byName.set(column.name, column);
    }
    const root = ancestry.at(-1)?.name ?? table.name;
    return {
      ancestry,
      byName,
      columns: [...byName.values()],
      descendants: this.#below(table.name),
      storage: viewRoots.has(root) ? table.name : root,
    };
  }

  /** The table and those below it, in the order in which they were added. */
  #below(name: string): string[] {
    const found = new Set([name]);
    // A table is added after the one that it extends.
    for (const table of this.#tables.values()) {
      if (table.parent !== undefined && found.has(table.parent)) found.add(table.name);
    }
    return [...found];
  }

  #above(table: Table): Table[] {
    const chain: Table[] = [];
    for (
      let at: Table | undefined = table;
      at;
      at = at.parent === undefined ? undefined : this.#tables.get(at.parent)
    ) {
      chain.push(at);
    }
    return chain;
  }
}
