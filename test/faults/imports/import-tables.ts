import type { InstanceOptions } from '../../../emulator/instance/index.ts';
import type { InstanceName } from '../harness/fault-stack.ts';

/** One line of a file: the text of each of its columns, `''` for none. */
export type FileRow = {
  readonly code: string;
  readonly text: string;
  /** For a column of whole numbers. */
  readonly count: number | string;
  /** For one of true and false, of dates, and of times; where the table has them. */
  readonly flag?: boolean | '';
  readonly day?: string;
  readonly at?: string;
};

/** A staging table of the storm: how its drops are imported, and what their rows look like. */
export type ImportKind = {
  readonly table: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly instance: InstanceName;
  readonly row: (drop: string, index: number) => FileRow;
  readonly rowsPerRequest: number;
  /** Of the rows that the other kinds get: less where requests follow one another, each of them after the doubt about the one before. */
  readonly share: number;
  /** Every row carries its key, so that none may be unknown. */
  readonly isKeyed: boolean;
  /** Rows of unknown outcome are sent again: they may be stored twice. */
  readonly resends: boolean;
  /** The rows of one file are stored in the order of its lines. */
  readonly isOrdered: boolean;
  /** A second transform map makes a record of each row, and fails for some. */
  readonly hasTwoMaps: boolean;
  /** A script ignores some rows. */
  readonly hasScript: boolean;
  /** Columns for true and false, dates and times. */
  readonly hasValues: boolean;
  readonly format: 'csv' | 'jsonl';
};

const rowsPerRequest = 20;
/** How long after a lost answer the rows may still be on their way into the instance. */
export const inDoubtSeconds = 3;

/** Rows of all drops that have the same number update the same record of the target. */
const distinct = (drop: string, index: number): FileRow => ({
  code: `C${index}`,
  text: `${drop} ${index}`,
  count: index,
});

/** The first row of each request is the same everywhere. */
const alikeHeads = (drop: string, index: number): FileRow =>
  index % rowsPerRequest === 0 ? { code: 'HEAD', text: 'head', count: 0 } : distinct(drop, index);

const allAlike = (): FileRow => ({ code: 'SAME', text: 'same', count: 1 });

/** Only the integer column distinguishes two rows. */
const typedOnly = (drop: string, index: number): FileRow => ({
  code: 'TYPED',
  text: 'typed',
  count: Number(drop.replace(/\D/g, '')) * 1_000_000 + index,
});

const dayOf = (days: number) => new Date(Date.UTC(2026, 0, 1 + days)).toISOString().slice(0, 10);

/** Only what is true or false, a date and a time distinguish rows: of one drop the first two, of two drops the last. */
const valuesOnly = (drop: string, index: number): FileRow => ({
  ...{ code: 'VALUES', text: 'values', count: 7 },
  flag: index % 2 === 0,
  day: dayOf(index >> 1),
  at: `${dayOf(Number(/\d+$/.exec(drop)?.[0] ?? 0))} 06:30:00`,
});

/** Values that are there or not. */
const someEmpty = (drop: string, index: number): FileRow => {
  const has = (bit: number) => (index & bit) === 0;
  return {
    code: `C${index}`,
    text: has(8) ? `${drop} ${index}` : '',
    count: has(1) ? index : '',
    flag: has(2) ? index % 3 === 0 : '',
    day: has(4) ? dayOf(index) : '',
    at: has(1) ? `${dayOf(index)} 23:59:59` : '',
  };
};

/** Some are no numbers: the instance keeps nothing of them. */
const someText = (drop: string, index: number): FileRow => ({
  ...distinct(drop, index),
  count: isTextInstead(index) ? 'n/a' : index,
});
const isTextInstead = (index: number) => index % 9 === 4;

const base = {
  settings: {},
  instance: 'first',
  row: distinct,
  rowsPerRequest,
  share: 1,
  isKeyed: false,
  resends: false,
  isOrdered: false,
  hasTwoMaps: false,
  hasScript: false,
  hasValues: false,
  format: 'csv',
} as const satisfies Partial<ImportKind>;

const keyed = { isKeyed: true, settings: { keyColumn: 'u_key' } } as const;

/** What imports occur in a storm, by name. */
export const importKinds: Readonly<Record<string, ImportKind>> = {
  keyed: { ...base, ...keyed, table: 'imp_keyed', rowsPerRequest: 50 },
  keyless: { ...base, table: 'imp_keyless' },
  'keyless, first rows alike': { ...base, table: 'imp_heads', row: alikeHeads },
  'keyless, all rows alike': { ...base, table: 'imp_alike', rowsPerRequest: 40, row: allAlike },
  'keyless, distinguished by a typed column': {
    ...base,
    table: 'imp_typed',
    rowsPerRequest: 100,
    row: typedOnly,
  },
  'ordered, keyed': {
    ...base,
    table: 'imp_ordered',
    share: 0.5,
    rowsPerRequest: 50,
    isKeyed: true,
    isOrdered: true,
    settings: { keyColumn: 'u_key', ordered: true },
  },
  'several executions': {
    ...base,
    table: 'imp_chain',
    isKeyed: true,
    settings: { keyColumn: 'u_key', operationsPerExecution: 8 },
  },
  'row by row, keyed': {
    ...base,
    table: 'imp_rows',
    rowsPerRequest: 100,
    isKeyed: true,
    settings: { keyColumn: 'u_key', mode: 'rows' },
  },
  'row by row, ordered': {
    ...base,
    table: 'imp_rows_order',
    share: 0.1,
    isKeyed: true,
    isOrdered: true,
    settings: { keyColumn: 'u_key', mode: 'rows', ordered: true },
  },
  'row by row, keyless': { ...base, table: 'imp_single', rowsPerRequest: 50, settings: { mode: 'rows' } },
  'resent when unknown': { ...base, table: 'imp_resent', resends: true, settings: { resendUnknown: true } },
  'two transform maps': { ...base, ...keyed, table: 'imp_two', rowsPerRequest: 40, hasTwoMaps: true },
  'ignored by a script': { ...base, ...keyed, table: 'imp_script', rowsPerRequest: 100, hasScript: true },
  'keyless, distinguished by a boolean and dates': {
    ...{ ...base, table: 'imp_values', rowsPerRequest: 50, row: valuesOnly, hasValues: true },
  },
  'JSON Lines with null': {
    ...{ ...base, ...keyed, table: 'imp_nulls', rowsPerRequest: 50, row: someEmpty, hasValues: true },
    format: 'jsonl',
  },
  'keyless, with empty values': {
    ...{ ...base, table: 'imp_empty', rowsPerRequest: 50, row: someEmpty, hasValues: true },
  },
  'text in a column of numbers': { ...base, table: 'imp_text', rowsPerRequest: 50, row: someText },
  'second instance': { ...base, ...keyed, table: 'imp_second', rowsPerRequest: 200, instance: 'second' },
};

/** Rows of a kind in a storm of so many. */
export function rowsOfKind({ share }: ImportKind, rows: number): number {
  const shares = Object.values(importKinds).reduce((sum, kind) => sum + kind.share, 0);
  return (rows * share) / shares;
}

const targetOf = ({ table }: ImportKind) => `u_${table}_item`;
const copyOf = ({ table }: ImportKind) => `u_${table}_copy`;

const kinds = Object.values(importKinds);
const itemColumns = [
  { name: 'u_code', label: 'Code', maxLength: 40, indexed: true },
  { name: 'u_text', label: 'Text', maxLength: 100 },
  { name: 'u_count', label: 'Count', kind: 'integer' as const },
];
const valueColumns = [
  { name: 'u_flag', label: 'Flag', kind: 'boolean' as const },
  { name: 'u_day', label: 'Day', kind: 'date' as const },
  { name: 'u_at', label: 'At', kind: 'date_time' as const },
];

/** The columns of a kind's files. */
export function columnsOf({ hasValues }: ImportKind): readonly string[] {
  return [...itemColumns, ...(hasValues ? valueColumns : [])].map(({ name }) => name);
}

/** True where the instance keeps nothing of the count of a row. */
export function isCountLost({ count }: FileRow): boolean {
  return Number.isNaN(Number(count));
}

/** The values of a row by column, as a JSON file has them. */
export function valuesOf({ code, text, count, flag = '', day = '', at = '' }: FileRow) {
  return { u_code: code, u_text: text, u_count: count, u_flag: flag, u_day: day, u_at: at };
}

export const importSchema: NonNullable<InstanceOptions['schema']> = {
  tables: kinds.flatMap((kind) => [
    ...[targetOf(kind), copyOf(kind)].map((name) => ({ name, display: 'u_code', columns: itemColumns })),
    {
      name: kind.table,
      parent: 'sys_import_set_row',
      columns: [
        ...itemColumns,
        ...(kind.hasValues ? valueColumns : []),
        { name: 'u_key', label: 'Row key', maxLength: 40, indexed: true },
      ],
    },
  ]),
};

/** A transform map of each staging table, and a second one where two are wanted. */
export const importMaps: NonNullable<InstanceOptions['data']> = {
  sys_transform_map: kinds.flatMap((kind) => [
    { ...mapOf(kind, 'first'), target_table: targetOf(kind), order: '100' },
    ...(kind.hasTwoMaps ? [{ ...mapOf(kind, 'second'), target_table: copyOf(kind), order: '200' }] : []),
  ]),
  sys_transform_entry: kinds.flatMap((kind) =>
    (kind.hasTwoMaps ? (['first', 'second'] as const) : (['first'] as const)).flatMap((which) => [
      entryOf(mapOf(kind, which).sys_id, 'u_code', 'true'),
      entryOf(mapOf(kind, which).sys_id, 'u_text', 'false'),
      entryOf(mapOf(kind, which).sys_id, 'u_count', 'false'),
    ]),
  ),
};

function mapOf(kind: ImportKind, which: 'first' | 'second') {
  const digits = Buffer.from(`${kind.table}-${which}`).toString('hex').padEnd(32, '0').slice(-32);
  return { sys_id: digits, name: mapName(kind, which), source_table: kind.table, active: 'true' };
}

export function mapName({ table }: ImportKind, which: 'first' | 'second'): string {
  return `${table} ${which}`;
}

function entryOf(map: string, column: string, coalesce: string) {
  return { map, source_field: column, target_field: column, coalesce };
}

/** Rows that the first of two maps fails for, and that scripts ignore. */
export const isOddRow = (count: number) => count % 7 === 3;
