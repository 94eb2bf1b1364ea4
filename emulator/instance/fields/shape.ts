import type { Row } from '../row.ts';
import type { Column } from '../schema/table.ts';
import type { Store } from '../store/store.ts';
import { type DateStyle, showDate, showDateTime } from '../time/dates.ts';

/** Who looks, and what has been looked up on the way; one per request. */
export class Viewer {
  readonly store: Store;
  readonly dateStyle: DateStyle;
  readonly #rows = new Map<string, Row | undefined>();
  #journal: { readonly sysId: string; readonly entries: readonly Row[] } | undefined;

  constructor(store: Store, dateStyle: DateStyle) {
    this.store = store;
    this.dateStyle = dateStyle;
  }

  /** The row that a reference points to, read once per request. */
  follow(table: string, key: string, keyColumn = 'sys_id'): Row | undefined {
    const at = `${table} ${keyColumn} ${key}`;
    if (this.#rows.has(at)) return this.#rows.get(at);
    const row = this.store.findBy(table, keyColumn, key);
    this.#rows.set(at, row);
    return row;
  }

  /** The journal entries of a record, newest first; those of one record at a time are kept. */
  journalOf(sysId: string): readonly Row[] {
    if (this.#journal?.sysId !== sysId) {
      const where = { where: 't0.element_id = ?', params: [sysId] };
      const orderBy = 't0.sys_created_on DESC, t0.rowid DESC';
      this.#journal = { sysId, entries: this.store.select('sys_journal_field', { ...where, orderBy }) };
    }
    return this.#journal.entries;
  }
}

const units = [
  ['Day', 86_400],
  ['Hour', 3_600],
  ['Minute', 60],
  ['Second', 1],
] as const;

/** `1970-01-02 04:23:00` as `1 Day 4 Hours 23 Minutes`; seconds show only when nothing larger does. */
function describeDuration(value: string): string {
  let seconds = Math.floor(Date.parse(`${value.replace(' ', 'T')}Z`) / 1000);
  if (!Number.isFinite(seconds)) return value;
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const amount = Math.floor(seconds / size);
    seconds -= amount * size;
    if (amount > 0 && (size > 1 || parts.length === 0))
      parts.push(`${amount} ${unit}${amount === 1 ? '' : 's'}`);
  }
  return parts.length > 0 ? parts.join(' ') : '0 Seconds';
}

/**
 * All entries of a journal column, newest first, each `yyyy-MM-dd HH:mm:ss - Name (Additional comments)\n<text>\n\n`.
 * A journal list shows those of every journal column of the row.
 */
function journalHistory(viewer: Viewer, column: Column, row: Row): string {
  const entries = viewer.journalOf(row['sys_id'] ?? '');
  const own =
    column.kind === 'journal' ? entries.filter((entry) => entry['element'] === column.name) : entries;
  return own.map((entry) => describe(viewer, entry)).join('');
}

function describe(viewer: Viewer, entry: Row): string {
  const when = showDateTime(entry['sys_created_on'] ?? '', viewer.dateStyle);
  const author = entry['sys_created_by'] ?? '';
  const name = viewer.follow('sys_user', author, 'user_name')?.['name'] || author;
  const label =
    viewer.store.schema.column(entry['name'] ?? '', entry['element'] ?? '')?.label ?? entry['element'];
  return `${when} - ${name} (${label})\n${entry['value']}\n\n`;
}

/** The table that a reference or document_id column of this row points to. */
function targetOf(column: Column, row: Row): string | undefined {
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

/** `sysparm_display_value`, `sysparm_exclude_reference_link`, and where links lead. */
export type Presentation = {
  readonly mode: 'false' | 'true' | 'all';
  readonly excludeReferenceLink: boolean;
  /** `https://host/api/now/v2/table`: links carry the version of the request. */
  readonly tableUrl: string;
};

/** A field as the API gives it. */
export type FieldValue = string | null | Readonly<Record<string, string | null>>;

/** The value of one column of a row in the shape of docs/servicenow-contract.md 1.3. */
export function shapeField(viewer: Viewer, how: Presentation, column: Column, row: Row): FieldValue {
  const value = column.kind === 'journal' || column.kind === 'journal_list' ? '' : (row[column.name] ?? '');
  if (column.kind === 'reference' || column.kind === 'document_id') {
    return shapeReference(viewer, how, column, value, row);
  }
  if (value === '' && column.nullWhenEmpty) return emptyField(how, column.nullWhenEmpty);
  if (how.mode === 'false') return value;
  const display = displayValue(viewer, column, value, row);
  if (how.mode === 'true') return display;
  if (column.kind !== 'currency' || value === '') return { display_value: display, value };
  return { display_value: display, value, currency_display_value: `USD;${Number(value).toFixed(2)}` };
}

function emptyField({ mode }: Presentation, nullPart: 'value' | 'display'): FieldValue {
  const value = nullPart === 'value' ? null : '';
  const display_value = nullPart === 'display' ? null : '';
  if (mode === 'all') return { display_value, value };
  return mode === 'true' ? display_value : value;
}

function shapeReference(
  viewer: Viewer,
  how: Presentation,
  column: Column,
  value: string,
  row: Row,
): FieldValue {
  if (value === '') return how.mode === 'all' ? { display_value: '', value: '' } : '';
  const target = targetOf(column, row);
  const isBare = how.excludeReferenceLink && !column.alwaysLinked;
  const link = isBare || !target ? undefined : linkTo(how.tableUrl, target, column, value);
  if (how.mode === 'false') return link === undefined ? value : { link, value };
  const display = displayValue(viewer, column, value, row);
  if (how.mode === 'true') return link === undefined ? display : { display_value: display, link };
  return link === undefined ? { display_value: display, value } : { display_value: display, link, value };
}

/** The value stands in the link as it is stored, unencoded (recorded). */
function linkTo(tableUrl: string, table: string, column: Column, value: string): string {
  return column.referenceKey
    ? `${tableUrl}/${table}?${column.referenceKey}=${value}`
    : `${tableUrl}/${table}/${value}`;
}
