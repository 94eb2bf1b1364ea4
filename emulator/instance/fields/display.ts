import type { Column } from '../schema/table.ts';
import type { Row } from '../store/row.ts';
import { showDate, showDateTime } from '../time/date-style.ts';
import { describeDuration } from './duration.ts';
import { journalHistory } from './journal.ts';
import type { Viewer } from './viewer.ts';

/** The table that a reference or document_id column of this row points to. */
export function targetOf(column: Column, row: Row): string | undefined {
  return column.reference ?? (column.documentTable ? row[column.documentTable] || undefined : undefined);
}

/**
 * The value as the form shows it to the viewer: label of a choice, display column of a reference, date-time in the
 * user's zone, integers with thousands commas. `null` only for an empty choice of text (recorded; an empty integer is `''`).
 */
export function displayValue(viewer: Viewer, column: Column, value: string, row: Row): string | null {
  if (column.kind === 'journal' || column.kind === 'journal_list') return journalHistory(viewer, column, row);
  if (value === '') return displayOfEmpty(column);
  if (column.choices) return column.choices.find((choice) => choice.value === value)?.label ?? value;
  return displayByKind(viewer, column, value, row);
}

function displayOfEmpty(column: Column): string | null {
  if (column.kind === 'due_date') return 'UNKNOWN';
  return column.choices && column.kind !== 'integer' ? null : '';
}

function displayByKind(viewer: Viewer, column: Column, value: string, row: Row): string {
  switch (column.kind) {
    case 'integer':
      return withCommas(value);
    case 'currency':
      return `$${withCommas(Number(value).toFixed(2))}`;
    case 'date_time':
    case 'due_date':
      return showDateTime(value, viewer.dateStyle);
    case 'date':
      return showDate(value, viewer.dateStyle);
    case 'duration':
      return describeDuration(value);
    case 'reference':
    case 'document_id':
      return displayOfReference(viewer, column, value, row);
    case 'password':
      return '********';
    case 'class_name':
      return viewer.store.schema.table(value)?.label ?? value;
    default:
      return value;
  }
}

/** A reference to nothing that exists shows as empty, except that a whole-instance domain is called global. */
function displayOfReference(viewer: Viewer, column: Column, value: string, row: Row): string {
  if (value === 'global') return 'global';
  const table = targetOf(column, row);
  if (!table || !viewer.store.schema.table(table)) return '';
  const target = viewer.follow(table, value, column.referenceKey);
  return target?.[viewer.store.schema.displayColumn(table)] ?? '';
}

const withCommas = (digits: string) => digits.replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, ',');
