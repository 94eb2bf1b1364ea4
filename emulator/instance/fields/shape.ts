import type { Column } from '../schema/table.ts';
import type { Row } from '../store/row.ts';
import { displayValue, targetOf } from './display.ts';
import type { Viewer } from './viewer.ts';

/** `sysparm_display_value`, `sysparm_exclude_reference_link`, and where links lead. */
export type Presentation = {
  readonly mode: 'false' | 'true' | 'all';
  readonly excludeReferenceLink: boolean;
  /** `https://host/api/now/v2/table`: links carry the version of the request. */
  readonly tableUrl: string;
};

/** A field as the API gives it. */
export type FieldValue = string | null | Readonly<Record<string, string | null>>;

/** The value of one column of a row in the shape of the contract's section 1.3. */
export function shapeField(viewer: Viewer, how: Presentation, column: Column, row: Row): FieldValue {
  const value = column.kind === 'journal' || column.kind === 'journal_list' ? '' : (row[column.name] ?? '');
  if (column.kind === 'reference' || column.kind === 'document_id') {
    return shapeReference(viewer, how, column, value, row);
  }
  if (value === '' && column.nullWhenEmpty)
    return how.mode === 'all' ? { display_value: null, value: null } : null;
  if (how.mode === 'false') return value;
  const display = displayValue(viewer, column, value, row);
  if (how.mode === 'true') return display;
  if (column.kind !== 'currency' || value === '') return { display_value: display, value };
  return { display_value: display, value, currency_display_value: `USD;${Number(value).toFixed(2)}` };
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
