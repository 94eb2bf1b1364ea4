import { ConfigurationError, InvalidInputError } from '../../core/errors.ts';
import { lookUpName, nameKey, quotedName, shownName, visibleText } from './column-text.ts';
import type { ColumnTarget, RowPlan } from './import-plan.ts';
import type { ImportSettings } from './settings.ts';
import type { StagingTable } from './staging-table.ts';

/** Columns that `rejected.csv` carries for people; they are never imported. */
export const remarkColumns: readonly string[] = ['_line', '_reason'];

/** True for what `rejected.csv` has in front of its rows. */
export function isRemark(name: string): boolean {
  return remarkColumns.includes(nameKey(name));
}

/** Names are compared by what a person sees of them. A column that is mapped is wanted, also where it is listed among the ignored ones. */
export function isLeftOut(name: string, { columns, ignoredColumns }: ImportSettings): boolean {
  if (lookUpName(columns, name) !== undefined) return false;
  const key = nameKey(name);
  return isRemark(name) || ignoredColumns.some((one) => nameKey(one) === key);
}

/** What is to be said of columns that are left out because they have neither a name nor a value. */
export function blankColumnsWarning({ blankColumns }: Pick<RowPlan, 'blankColumns'>): string | undefined {
  if (!blankColumns) return undefined;
  const places = blankColumns.map((i) => i + 1).join(', ');
  return `column ${places} has no name and no value in the first rows, and is left out; a row that has a value there is rejected`;
}

/** True for a column without a name for which there is no setting. */
export function isUnnamed(name: string, settings: ImportSettings): boolean {
  return (
    nameKey(name) === '' && lookUpName(settings.columns, name) === undefined && !isLeftOut(name, settings)
  );
}

/** Columns that are left out may have any name, or none. */
export function refuseUnusable(
  header: readonly string[],
  settings: ImportSettings,
  blankColumns: readonly number[],
): void {
  const seen = new Map<string, number>();
  for (const [i, name] of header.entries()) {
    if (isLeftOut(name, settings) || blankColumns.includes(i)) continue;
    const place = `column ${i + 1}`;
    if (isUnnamed(name, settings))
      throw new InvalidInputError(
        'header',
        `${place} has no name; give it one, or leave it out with "" in ignoredColumns`,
      );
    const before = seen.get(visibleText(name));
    if (before !== undefined)
      throw new InvalidInputError(
        'header',
        `columns ${before + 1} and ${i + 1} are both called ${quotedName(name)}; rename one, or leave them out by ignoredColumns`,
      );
    if (name === '__proto__') throw new InvalidInputError('header', `${place} is called __proto__`);
    seen.set(visibleText(name), i);
  }
}

/** Every column of the file has a column of the table, or is left out by the settings. @throws InvalidInputError naming the column */
export function refuseUnmapped(
  header: readonly string[],
  targets: readonly (ColumnTarget | null)[],
  staging: StagingTable,
  settings: ImportSettings,
): void {
  const unmapped = header.filter(
    (name, i) => !targets[i] && nameKey(name) !== '' && !isLeftOut(name, settings),
  );
  if (unmapped.length === 0) return;
  const names = unmapped.slice(0, 20).map(quotedName);
  const rest = unmapped.length > names.length ? ` and ${unmapped.length - names.length} more` : '';
  const free = freeColumns(staging, targets).slice(0, 20).join(', ');
  throw new InvalidInputError(
    'header',
    `no staging column for ${names.join(', ')}${rest}; map them in columns or list them in ignoredColumns${free && ` (${staging.name} also has ${free})`}`,
  );
}

/** Names of the columns that no column of the file goes to, without those of the platform. */
function freeColumns(
  { columns }: StagingTable,
  targets: readonly (Pick<ColumnTarget, 'column'> | null)[],
): string[] {
  const taken = new Set(targets.map((target) => target?.column));
  return columns.map(({ name }) => name).filter((name) => !name.startsWith('sys_') && !taken.has(name));
}

/** No two columns of the file go into the same column of the table. @throws InvalidInputError naming them */
export function refuseShared(header: readonly string[], targets: readonly (ColumnTarget | null)[]): void {
  const takenBy = new Map<string, string>();
  for (const [i, target] of targets.entries()) {
    if (!target) continue;
    const name = header[i] ?? '';
    const other = takenBy.get(target.jsonKey);
    if (other !== undefined)
      throw new InvalidInputError(
        'header',
        `${shownName(other)} and ${shownName(name)} both go to ${target.jsonKey}`,
      );
    takenBy.set(target.jsonKey, name);
  }
}

/** Rows without a single value would make records of defaults only. */
export function refuseNothing(
  targets: readonly (ColumnTarget | null)[],
  { constants }: ImportSettings,
): void {
  if (targets.length === 0 || targets.some(Boolean) || Object.keys(constants).length > 0) return;
  throw new InvalidInputError('header', 'no column is left to import: ignoredColumns names all of them');
}

/** The settings name only columns that the file has. @throws InvalidInputError naming the setting */
export function requireNamed(header: readonly string[], settings: ImportSettings): void {
  const keys = new Set(header.map(nameKey));
  const named = { columns: Object.keys(settings.columns), dateColumns: Object.keys(settings.dateColumns) };
  for (const [setting, names] of Object.entries(named)) {
    const missing = names.find((name) => !keys.has(nameKey(name)));
    if (missing !== undefined)
      throw new ConfigurationError(
        `_import.json.${setting}`,
        `the file has no column ${missing} (the settings of a folder count for every file in it)`,
      );
  }
}
