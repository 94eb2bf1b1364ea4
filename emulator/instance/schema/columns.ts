import type { Column } from './table.ts';

type Extra = Partial<Omit<Column, 'name' | 'label' | 'kind'>>;
type Labelled = readonly (readonly [value: string, label: string])[];

const column =
  (kind: Column['kind'], maxLength: number) =>
  (name: string, label: string, extra: Extra = {}) =>
    ({ name, label, kind, maxLength, ...extra }) satisfies Column;

/** `no_cart_v2` as `No cart v2`. */
export const titled = (name: string) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');

/** A column of text. */
export const text = (name: string, label: string, maxLength = 40, extra: Extra = {}): Column => ({
  name,
  label,
  kind: 'string',
  maxLength,
  ...extra,
});
export const integer = column('integer', 40);
export const decimal = column('decimal', 40);
export const currency = column('currency', 20);
export const boolean = column('boolean', 40);
export const date = column('date', 40);
export const dateTime = column('date_time', 40);
export const dueDate = column('due_date', 40);
export const duration = column('duration', 40);
export const journal = column('journal', 4000);
export const journalList = column('journal_list', 4000);
export const password = column('password', 100);
export const guid = column('guid', 32);

/** A column that holds the sys_id of a record of another table. */
export const reference = (name: string, label: string, table: string, extra: Extra = {}): Column => ({
  name,
  label,
  kind: 'reference',
  maxLength: 32,
  reference: table,
  ...extra,
});

/** A column whose target table is named by another column of the same row. */
export const documentId = (name: string, label: string, tableColumn: string): Column => ({
  name,
  label,
  kind: 'document_id',
  maxLength: 32,
  documentTable: tableColumn,
});

const toChoices = (pairs: Labelled) => pairs.map(([value, label]) => ({ value, label }));

/** A column with a list of values and their labels. */
export const choice = (name: string, label: string, pairs: Labelled, extra: Extra = {}): Column => ({
  name,
  label,
  kind: 'choice',
  maxLength: 40,
  choices: toChoices(pairs),
  ...extra,
});

/** A number with labels, such as state and priority. */
export const integerChoice = (name: string, label: string, pairs: Labelled, extra: Extra = {}): Column => ({
  name,
  label,
  kind: 'integer',
  maxLength: 40,
  choices: toChoices(pairs),
  ...extra,
});

/** What every table has, in the order in which an instance adds them. */
export const systemColumns: readonly Column[] = [
  guid('sys_id', 'Sys ID'),
  dateTime('sys_created_on', 'Created'),
  text('sys_created_by', 'Created by'),
  dateTime('sys_updated_on', 'Updated'),
  text('sys_updated_by', 'Updated by'),
  integer('sys_mod_count', 'Updates'),
  text('sys_tags', 'Tags'),
];

/** What a table has beyond that once others extend it: the real class of each row. */
export const classColumn: Column = {
  name: 'sys_class_name',
  label: 'Class',
  kind: 'class_name',
  maxLength: 80,
};
