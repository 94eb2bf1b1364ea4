import { ConfigurationError } from '../../core/errors.ts';
import {
  isLeftOut,
  isUnnamed,
  refuseNothing,
  refuseShared,
  refuseUnmapped,
  refuseUnusable,
  remarkColumns,
  requireNamed,
} from './check-header.ts';
import { columnLength, lookUpName, madeName, nameKey, quotedName } from './column-text.ts';
import type { DateColumn } from './date-column.ts';
import type { ColumnTarget, RowPlan } from './import-plan.ts';
import type { ImportSettings } from './settings.ts';
import type { StagingColumn, StagingTable } from './staging-table.ts';

/**
 * Decides where each column of the file goes: by the settings, else by a staging column of that name or label (in any
 * case), else by the name ServiceNow itself would give it (`First name` -> `u_first_name`).
 * @param open names come row by row (JSON Lines): `header` then lists those that may come
 * @param emptyColumns places of columns without a name that seem to be empty: they are left out
 * @throws InvalidInputError naming every column of the file that has no place, no name, or that of another one
 * @throws ConfigurationError for a setting that names what is not there
 */
export function mapColumns(
  header: readonly string[],
  staging: StagingTable,
  settings: ImportSettings,
  version: string,
  open = false,
  emptyColumns: readonly number[] = [],
): RowPlan {
  const blankColumns = emptyColumns.filter((i) => isUnnamed(header[i] ?? '', settings));
  if (!open) {
    refuseUnusable(header, settings, blankColumns);
    requireNamed(header, settings);
  }
  const dates = open ? datesByColumn(staging, settings) : undefined;
  const targets = header.map((name) => targetOf(name, staging, settings, dates) ?? null);
  refuseUnmapped(header, targets, staging, settings);
  if (!open) {
    refuseShared(header, targets);
    refuseNothing(targets, settings);
  }
  const keyColumn = keyColumnOf(staging, settings);
  refuseTwiceFilled(header, open ? [] : targets, staging, settings);
  return {
    header,
    targets,
    constants: constantsOf(staging, settings),
    constantTargets: constantTargets(staging, settings),
    emptyAsAbsent: settings.emptyAsAbsent,
    ...(blankColumns.length > 0 ? { blankColumns } : {}),
    ...(settings.acceptShortRows ? { acceptsShortRows: true } : {}),
    ...(keyColumn ? { rowKey: { jsonKey: jsonKeyOf(keyColumn, staging, settings), version } } : {}),
  };
}

/** Every name that a JSON Lines row may use for this table. */
export function possibleNames(staging: StagingTable, settings: ImportSettings): string[] {
  const columns = staging.columns.filter((column) => !hasNamesake(column, staging, settings));
  const own = [...columns.map(({ name }) => name), ...columns.map(({ label }) => label)];
  return [
    ...new Set([...Object.keys(settings.columns), ...settings.ignoredColumns, ...remarkColumns, ...own]),
  ];
}

/** True for a column that insertMultiple cannot name, since another one has its label: a row that uses it is rejected. */
function hasNamesake(column: StagingColumn, staging: StagingTable, { mode }: ImportSettings): boolean {
  if (staging.keys === 'names' || mode === 'rows') return false;
  return staging.columns.some(({ name, label }) => label === column.label && name !== column.name);
}

/** The staging column that a name goes to by the settings or by itself; undefined when there is none, '' when it is left out. */
export function columnOf(name: string, staging: StagingTable, settings: ImportSettings): string | undefined {
  if (isLeftOut(name, settings)) return '';
  const wanted = lookUpName(settings.columns, name)?.toLowerCase();
  return wanted === undefined
    ? matching(name, staging)?.name
    : staging.columns.find((column) => column.name === wanted)?.name;
}

/**
 * Rows of JSON Lines may call a column by its name, its label or a header of the settings: its dates are read alike by all of them.
 * @throws ConfigurationError for dates that no row can have, since they go to no column
 */
function datesByColumn(staging: StagingTable, settings: ImportSettings): ReadonlyMap<string, DateColumn> {
  const dates = Object.entries(settings.dateColumns).map(([name, date]) => {
    const column = columnOf(name, staging, settings);
    if (column !== undefined) return [column, date] as const;
    throw new ConfigurationError('_import.json.dateColumns', `no staging column for ${quotedName(name)}`);
  });
  return new Map(dates);
}

function targetOf(
  name: string,
  staging: StagingTable,
  settings: ImportSettings,
  dates?: ReadonlyMap<string, DateColumn>,
): ColumnTarget | undefined {
  if (isLeftOut(name, settings)) return undefined;
  const wanted = lookUpName(settings.columns, name);
  const column =
    wanted === undefined ? matching(name, staging) : settingColumn(`columns.${name}`, wanted, staging);
  if (!column) return undefined;
  const date = lookUpName(settings.dateColumns, name) ?? dates?.get(column.name);
  return {
    column: column.name,
    jsonKey: jsonKeyOf(column, staging, settings),
    ...(column.maxLength > 0 ? { maxLength: column.maxLength } : {}),
    ...typeOf(column),
    ...(date ? { date: { ...date, ...dateKept(column) } } : {}),
  };
}

function typeOf({ isTyped, kind }: StagingColumn): Pick<ColumnTarget, 'isTyped' | 'kind'> {
  return isTyped ? { isTyped, kind: kind ?? 'other' } : {};
}

function dateKept({ kind }: StagingColumn): Pick<DateColumn, 'keeps'> {
  return kind === 'date' || kind === 'date_time' ? { keeps: kind } : {};
}

/** A staging column by its name, its label, or the name that ServiceNow would make of a header. */
function matching(name: string, staging: StagingTable): StagingColumn | undefined {
  const key = nameKey(name);
  if (key === '') return undefined;
  const by = (fits: (column: StagingColumn) => boolean) => staging.columns.find(fits);
  return (
    by((c) => c.name === key) ?? by((c) => nameKey(c.label) === key) ?? by((c) => c.name === madeName(key))
  );
}

/**
 * The single-row Import Set API always takes names.
 * @throws ConfigurationError when two columns have the label that insertMultiple wants
 */
function jsonKeyOf(column: StagingColumn, staging: StagingTable, settings: ImportSettings): string {
  if (staging.keys === 'names' || settings.mode === 'rows') return column.name;
  const namesakes = staging.columns.filter(({ label }) => label === column.label).map(({ name }) => name);
  if (namesakes.length === 1) return column.label;
  throw new ConfigurationError(
    'table',
    `insertMultiple identifies the columns of ${staging.name} by label, and ${namesakes.join(' and ')} are both labelled ${quotedName(column.label)}; map by column name in sys_rest_insert_multiple, or set mode to rows`,
  );
}

/** `<version>:<line>`: 12 characters, a colon, and up to ten digits. */
const rowKeyLength = 23;

function keyColumnOf(staging: StagingTable, { keyColumn }: ImportSettings): StagingColumn | undefined {
  if (keyColumn === undefined) return undefined;
  const column = settingColumn('keyColumn', keyColumn, staging);
  if (!column.isTyped && (column.maxLength === 0 || column.maxLength >= rowKeyLength)) return column;
  throw new ConfigurationError(
    '_import.json.keyColumn',
    `${column.name} must hold text of at least ${rowKeyLength} characters`,
  );
}

function settingColumn(setting: string, name: string, staging: StagingTable): StagingColumn {
  const column = staging.columns.find((one) => one.name === name.toLowerCase());
  if (column) return column;
  throw new ConfigurationError(`_import.json.${setting}`, `${staging.name} has no column ${name}`);
}

function constantsOf(staging: StagingTable, settings: ImportSettings): [string, string][] {
  return Object.entries(settings.constants).map(([name, value]) => {
    const column = settingColumn(`constants.${name}`, name, staging);
    const length = columnLength(value);
    if (column.maxLength > 0 && length > column.maxLength)
      throw new ConfigurationError(
        `_import.json.constants.${name}`,
        `${length} characters, ${column.name} takes ${column.maxLength}`,
      );
    return [jsonKeyOf(column, staging, settings), value];
  });
}

function constantTargets(staging: StagingTable, settings: ImportSettings): ColumnTarget[] {
  return Object.keys(settings.constants).map((name) => {
    const column = settingColumn(`constants.${name}`, name, staging);
    return constantTarget(column, staging, settings);
  });
}

/** Where a value goes that every row gets. */
export function constantTarget(
  column: StagingColumn,
  staging: StagingTable,
  settings: ImportSettings,
): ColumnTarget {
  return { column: column.name, jsonKey: jsonKeyOf(column, staging, settings), ...typeOf(column) };
}

/** A column gets its values from one place: the file, a constant or the row key. */
function refuseTwiceFilled(
  header: readonly string[],
  targets: readonly (ColumnTarget | null)[],
  staging: StagingTable,
  { constants, keyColumn }: ImportSettings,
): void {
  const names = Object.keys(constants).map((name) => [`constants.${name}`, name] as const);
  const fillers = keyColumn === undefined ? names : [...names, ['keyColumn', keyColumn] as const];
  const takenBy = new Map<string, string>();
  for (const [i, target] of targets.entries())
    if (target) takenBy.set(target.column, `column ${quotedName(header[i] ?? '')} of the file`);
  for (const [setting, name] of fillers) {
    const column = settingColumn(setting, name, staging).name;
    const other = takenBy.get(column);
    if (other !== undefined)
      throw new ConfigurationError(`_import.json.${setting}`, `${other} goes to ${column}, too`);
    takenBy.set(column, setting);
  }
}
