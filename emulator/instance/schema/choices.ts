import type { Row } from '../row.ts';
import type { Schema } from './schema.ts';
import type { Choice } from './table.ts';

type List = readonly Choice[];

type Reading = {
  select(table: string, selection: { where: string; orderBy: string; columns: readonly string[] }): Row[];
};

/** The choices of the schema's columns, as sys_choice has them, including those added, renamed or removed there. */
export class Choices {
  readonly #schema: Schema;
  readonly #atStart: ReadonlyMap<string, List>;

  constructor(schema: Schema) {
    this.#schema = schema;
    this.#atStart = new Map(columnsWithChoices(schema).map(({ key, choices }) => [key, choices]));
  }

  /** Back to those that the schema was defined with. */
  restore(): void {
    this.#replace(this.#atStart);
  }

  /** Takes over what sys_choice holds now. */
  read(store: Reading): void {
    const lists = new Map<string, Choice[]>();
    for (const { key } of columnsWithChoices(this.#schema)) lists.set(key, []);
    const active = {
      where: 't0."inactive" = 0',
      orderBy: 't0."sequence" IS NULL, t0."sequence"',
      columns: ['name', 'element', 'value', 'label'],
    };
    for (const { name = '', element = '', value = '', label = '' } of store.select('sys_choice', active)) {
      const list = lists.get(keyOf(this.#schema.ownerOf(name, element) ?? '', element));
      if (list && !list.some((choice) => choice.value === value)) list.push({ value, label });
    }
    this.#replace(lists);
  }

  #replace(lists: ReadonlyMap<string, List>): void {
    for (const { table, column, key, choices } of columnsWithChoices(this.#schema)) {
      const list = lists.get(key) ?? [];
      if (!sameChoices(list, choices)) this.#schema.setChoices(table, column, list);
    }
  }
}

const keyOf = (table: string, column: string) => `${table}.${column}`;

function columnsWithChoices(schema: Schema) {
  return schema
    .tables()
    .flatMap((table) =>
      table.columns.flatMap(({ name, choices }) =>
        choices ? [{ table: table.name, column: name, key: keyOf(table.name, name), choices }] : [],
      ),
    );
}

const sameChoices = (left: List, right: List) =>
  left.length === right.length &&
  left.every(({ value, label }, at) => value === right[at]?.value && label === right[at]?.label);
