/**
 * What an encoded query means, said in the plainest way: a structured query is evaluated row by row in memory. It
 * shares nothing with the compiler, which gets the same query as text.
 */
import type { QuerySwitches } from '../../../../emulator/instance/query/context.ts';
import type { ColumnKind } from '../../../../emulator/instance/schema/table.ts';
import type { SampleRow } from './sample.ts';

type NaiveColumn = { readonly name: string; readonly kind: ColumnKind; readonly reference?: string };
export type NaiveTable = {
  readonly name: string;
  readonly display: string;
  readonly columns: readonly NaiveColumn[];
  readonly rows: readonly SampleRow[];
};

export type NaiveClause = {
  /** Column names to walk, the last one being compared. An unknown one makes the clause invalid. */
  readonly path: readonly string[];
  readonly operator: string;
  readonly values: readonly string[];
};

export type NaiveQuery = {
  /** OR of AND of OR. */
  readonly alternatives: readonly (readonly (readonly NaiveClause[])[])[];
  readonly orderBy: readonly { readonly path: readonly string[]; readonly descending: boolean }[];
};

export type NaiveWorld = {
  readonly tables: ReadonlyMap<string, NaiveTable>;
  readonly switches: QuerySwitches;
  readonly timeZone: string;
  readonly nowMs: number;
};

/** The clause, the group and the query as they would be written. */
export function render(query: NaiveQuery): string {
  const groups = query.alternatives.map((all) =>
    all.map((any) => any.map(renderClause).join('^OR')).join('^'),
  );
  const order = query.orderBy.map(
    ({ path, descending }) => `^ORDERBY${descending ? 'DESC' : ''}${path.join('.')}`,
  );
  return groups.join('^NQ') + order.join('');
}

/** The sys_ids found, in order. */
export function matchingRows(world: NaiveWorld, tableName: string, query: NaiveQuery): string[] {
  const table = tableOf(world, tableName);
  const clauses = query.alternatives.flat(2);
  const invalid = clauses.some((clause) => !lookUp(world, table, clause.path));
  if (invalid && world.switches.invalidQueryReturnsNoRows) return [];
  const found = table.rows.filter((row) => holds(world, table, row, query));
  const keys = query.orderBy.filter(({ path }) => lookUp(world, table, path));
  return [...found]
    .sort((left, right) => order(world, table, keys, left, right))
    .map((row) => row['sys_id'] ?? '');
}

function renderClause({ path, operator, values }: NaiveClause): string {
  return `${path.join('.')}${operator}${values.join(separators[operator] ?? '').replaceAll('^', '^^')}`;
}

const separators: Readonly<Record<string, string>> = { IN: ',', 'NOT IN': ',', BETWEEN: '@' };

function holds(world: NaiveWorld, table: NaiveTable, row: SampleRow, query: NaiveQuery): boolean {
  if (query.alternatives.length === 0) return true;
  return query.alternatives.some((all) =>
    all.every((any) => {
      const valid = any.filter((clause) => lookUp(world, table, clause.path));
      return valid.length === 0 || valid.some((clause) => matches(world, table, row, clause));
    }),
  );
}

function matches(world: NaiveWorld, table: NaiveTable, row: SampleRow, clause: NaiveClause): boolean {
  const column = lookUp(world, table, clause.path);
  if (!column) throw new Error('an invalid clause is never asked');
  const value = read(world, table, row, clause.path);
  const [first = '', second = ''] = clause.values;
  const { negationFindsEmpty } = world.switches;
  const emptyCounts = negationFindsEmpty || column.kind === 'boolean';
  const shown = column.reference ? show(world, column.reference, value) : value;
  const text = (actual: string, test: (actual: string, asked: string) => boolean) =>
    actual !== '' && test(fold(world, textOf(column, actual)), fold(world, first));
  switch (clause.operator) {
    case '=':
      return same(world, column, value, first);
    case '!=':
      if (first === '') return value !== '';
      return value === '' ? emptyCounts : !same(world, column, value, first);
    case 'IN':
      return clause.values.some((one) => same(world, column, value, one));
    case 'NOT IN':
      return value === '' ? emptyCounts : !clause.values.some((one) => same(world, column, value, one));
    case 'LIKE':
      return text(shown, (actual, asked) => actual.includes(asked));
    case 'NOT LIKE':
      return shown === '' ? negationFindsEmpty : !text(shown, (actual, asked) => actual.includes(asked));
    case 'STARTSWITH':
      return text(shown, (actual, asked) => actual.startsWith(asked));
    case 'ENDSWITH':
      return text(shown, (actual, asked) => actual.endsWith(asked));
    case '<':
    case '>':
    case '<=':
    case '>=':
      return fits(column, first) && compares(world, column, value, clause.operator, first);
    case 'BETWEEN':
      return (
        [first, second].every((end) => fits(column, end)) &&
        compares(world, column, value, '>=', first) &&
        compares(world, column, value, '<=', second)
      );
    case 'ISEMPTY':
      return value === '';
    case 'ISNOTEMPTY':
      return value !== '';
    case 'ANYTHING':
      return true;
    default:
      return matchesOther(world, table, row, clause, column, value);
  }
}

function matchesOther(
  world: NaiveWorld,
  table: NaiveTable,
  row: SampleRow,
  { operator, values }: NaiveClause,
  column: NaiveColumn,
  value: string,
): boolean {
  const [first = ''] = values;
  const [otherName = '', ...rest] = first.split('@');
  const other = read(world, table, row, [otherName]);
  const both = value !== '' && other !== '';
  const numeric: Readonly<Record<string, '<' | '>' | '<=' | '>='>> = {
    GT_FIELD: '>',
    LT_FIELD: '<',
    GT_OR_EQUALS_FIELD: '>=',
    LT_OR_EQUALS_FIELD: '<=',
  };
  if (operator === 'SAMEAS' || operator === 'NSAMEAS') {
    const unit = rest[0];
    if (!both) return operator === 'NSAMEAS' && world.switches.negationFindsEmpty;
    const equal = unit
      ? calendar(world, column, value, unit) === calendar(world, column, other, unit)
      : foldAscii(world, column, value) === foldAscii(world, column, other);
    return equal === (operator === 'SAMEAS');
  }
  if (operator === 'MORETHAN' || operator === 'LESSTHAN') {
    const [, direction, count = ''] = rest;
    if (!both) return false;
    const distance = direction === 'before' ? millis(other) - millis(value) : millis(value) - millis(other);
    const limit = Number(count) * 24 * 3600 * 1000;
    return operator === 'MORETHAN' ? distance > limit : distance >= 0 && distance < limit;
  }
  if (operator.startsWith('RELATIVE')) {
    const [, unit, direction, count] = first.split('@');
    const step = Number(count) * (unit === 'hour' ? 3600 : 60) * 1000;
    const at = stamp(world.nowMs + (direction === 'ago' ? -step : step));
    const sign = { GT: '>', LT: '<', GE: '>=', LE: '<=' }[operator.slice(-2)];
    return sign !== undefined && value !== '' && byOperator(value < at ? -1 : Number(value > at), sign);
  }
  if (operator === 'DATEPART') {
    const [, asked = '', sign = ''] = /'dayofweek','(\w+)','(\w+)'/.exec(first) ?? [];
    if (value === '') return false;
    const day = weekdays.indexOf(wall(world, column, value).weekday);
    const signs: Readonly<Record<string, string>> = { EE: '=', GE: '>=', LE: '<=', GT: '>', LT: '<' };
    return byOperator(day - weekdays.indexOf(asked), signs[sign] ?? '');
  }
  const sign = numeric[operator];
  if (sign) return both && compares(world, column, value, sign, other);
  throw new Error(`no meaning for ${operator}`);
}

function order(
  world: NaiveWorld,
  table: NaiveTable,
  keys: NaiveQuery['orderBy'],
  left: SampleRow,
  right: SampleRow,
): number {
  for (const { path, descending } of keys) {
    const column = lookUp(world, table, path);
    if (!column) continue;
    const [one, two] = [left, right].map((row) => {
      const value = read(world, table, row, path);
      return column.reference ? show(world, column.reference, value) : value;
    });
    const sign = rank(world, column, one ?? '', two ?? '');
    if (sign !== 0) return descending ? -sign : sign;
  }
  return (left['sys_id'] ?? '') < (right['sys_id'] ?? '') ? -1 : 1;
}

/** Empty before everything else. */
function rank(world: NaiveWorld, column: NaiveColumn, one: string, two: string): number {
  if (one === '' || two === '') return Number(one !== '') - Number(two !== '');
  const asText = column.reference ? { ...column, kind: 'string' as const } : column;
  const caseWorld = column.reference
    ? { ...world, switches: { ...world.switches, caseSensitiveText: false } }
    : world;
  if (isNumber(column)) return number(one) - number(two);
  const [left, right] = [foldAscii(caseWorld, asText, one), foldAscii(caseWorld, asText, two)];
  return left < right ? -1 : Number(left > right);
}

function same(world: NaiveWorld, column: NaiveColumn, value: string, asked: string): boolean {
  if (asked === '') return value === '';
  if (value === '' || !fits(column, asked)) return false;
  if (isNumber(column)) return number(value) === number(asked);
  return column.kind === 'string' ? fold(world, value) === fold(world, asked) : value === asked;
}

function compares(
  world: NaiveWorld,
  column: NaiveColumn,
  value: string,
  operator: string,
  other: string,
): boolean {
  if (value === '') return false;
  if (isNumber(column)) return byOperator(number(value) - number(other), operator);
  const [left, right] = [foldAscii(world, column, value), foldAscii(world, column, other)];
  return byOperator(left < right ? -1 : Number(left > right), operator);
}

function byOperator(sign: number, operator: string): boolean {
  if (operator === '=') return sign === 0;
  if (operator.startsWith('<') && sign < 0) return true;
  if (operator.startsWith('>') && sign > 0) return true;
  return operator.endsWith('=') && sign === 0;
}

/** Whether the column can hold the value at all. */
function fits(column: NaiveColumn, asked: string): boolean {
  if (column.kind === 'boolean') return ['true', 'false', '1', '0'].includes(asked);
  if (column.kind === 'date_time') return /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(asked);
  return !isNumber(column) || (asked.trim() !== '' && !Number.isNaN(Number(asked)));
}

function isNumber(column: NaiveColumn): boolean {
  return ['integer', 'decimal', 'boolean'].includes(column.kind);
}

function number(value: string): number {
  if (value === 'true') return 1;
  return value === 'false' ? 0 : Number(value);
}

function textOf(column: NaiveColumn, value: string): string {
  return isNumber(column) ? String(number(value)) : value;
}

function fold({ switches }: NaiveWorld, text: string): string {
  return switches.caseSensitiveText ? text : text.toLowerCase();
}

/** Sorting and comparing by size fold ASCII letters alone, and only in text. */
function foldAscii({ switches }: NaiveWorld, column: NaiveColumn, text: string): string {
  if (switches.caseSensitiveText || column.kind !== 'string') return text;
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function lookUp(world: NaiveWorld, table: NaiveTable, path: readonly string[]): NaiveColumn | undefined {
  const [name, ...further] = path;
  const column = table.columns.find((one) => one.name === name);
  if (!column || further.length === 0) return column;
  return column.reference === undefined
    ? undefined
    : lookUp(world, tableOf(world, column.reference), further);
}

function read(world: NaiveWorld, table: NaiveTable, row: SampleRow, path: readonly string[]): string {
  const [name = '', ...further] = path;
  const value = row[name] ?? '';
  if (further.length === 0) return value;
  const reference = table.columns.find((one) => one.name === name)?.reference ?? '';
  const target = tableOf(world, reference);
  const next = target.rows.find((one) => one['sys_id'] === value);
  return next ? read(world, target, next, further) : '';
}

function show(world: NaiveWorld, tableName: string, sysId: string): string {
  const table = tableOf(world, tableName);
  return table.rows.find((row) => row['sys_id'] === sysId)?.[table.display] ?? '';
}

function tableOf(world: NaiveWorld, name: string): NaiveTable {
  const table = world.tables.get(name);
  if (!table) throw new Error(`no table ${name}`);
  return table;
}

const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

function calendar(world: NaiveWorld, column: NaiveColumn, value: string, unit: string): string {
  const { year, month, day } = wall(world, column, value);
  if (unit === 'day') return `${year}-${month}-${day}`;
  if (unit === 'quarter') return `${year}/${Math.ceil(month / 3)}`;
  return unit === 'month' ? `${year}-${month}` : String(year);
}

function wall(world: NaiveWorld, column: NaiveColumn, value: string) {
  const timeZone = column.kind === 'date' ? 'UTC' : world.timeZone;
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    weekday: 'long',
  }).formatToParts(millis(value));
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '';
  return {
    year: Number(part('year')),
    month: Number(part('month')),
    day: Number(part('day')),
    weekday: part('weekday').toLowerCase(),
  };
}

function millis(value: string): number {
  return Date.parse(`${value.replace(' ', 'T')}${value.length > 10 ? 'Z' : 'T00:00:00Z'}`);
}

function stamp(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}
