import type { Row } from '../row.ts';
import type { Column } from '../schema/table.ts';
import type { Store } from '../store/store.ts';
import { type DateStyle, readDate, readDateTime } from '../time/dates.ts';

/**
 * A JSON value as the platform puts it into a column: text as it is, everything else as Java prints it
 * (`{a=1, b=[x, y]}` for an object), null as empty.
 */
export function stringifyValue(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : printed(value);
}

function printed(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printed).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const parts = Object.entries(value).map(([key, inner]) => `${key}=${printed(inner)}`);
  return `{${parts.join(', ')}}`;
}

/**
 * The stored value for what a person would write: a choice by its label, a reference by the display value of its
 * target, dates in the person's zone and form, numbers with commas. A stored value or sys_id passes as it is; what names
 * nothing becomes `''`.
 */
export function toStored(store: Store, column: Column, text: string, dateStyle: DateStyle): string {
  if (text === '') return '';
  if (column.choices) return choiceValue(column, text);
  switch (column.kind) {
    case 'reference':
      return column.reference ? referenceKey(store, column, text) : text;
    case 'date_time':
    case 'due_date':
      return readDateTime(text, dateStyle);
    case 'date':
      return readDate(text, dateStyle);
    case 'integer':
    case 'decimal':
      return text.replaceAll(',', '');
    case 'currency':
      return text.replace(/^[A-Z]{3};/, '').replace(/[$,]/g, '');
    default:
      return text;
  }
}

function choiceValue(column: Column, text: string): string {
  const wanted = text.toLowerCase();
  const byLabel = column.choices?.find((choice) => choice.label.toLowerCase() === wanted);
  const known = byLabel ?? column.choices?.find((choice) => choice.value.toLowerCase() === wanted);
  return known?.value ?? (column.kind === 'integer' && /^-?\d+$/.test(text) ? text : '');
}

function referenceKey(store: Store, column: Column, text: string): string {
  const table = column.reference ?? '';
  const key = column.referenceKey ?? 'sys_id';
  return findByKeyOrDisplay(store, table, key, text)?.[key] ?? '';
}

/** The row that a key or else a display value names; of several the first by sys_id. */
function findByKeyOrDisplay(store: Store, table: string, key: string, text: string): Row | undefined {
  if (!store.schema.table(table)) return undefined;
  return store.findBy(table, key, text) ?? store.findBy(table, store.schema.displayColumn(table), text);
}
