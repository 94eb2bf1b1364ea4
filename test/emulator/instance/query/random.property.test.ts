import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultQuerySwitches, type QuerySwitches } from '../../../../emulator/instance/query/context.ts';
import { Schema } from '../../../../emulator/instance/schema/schema.ts';
import type { ColumnKind } from '../../../../emulator/instance/schema/table.ts';
import { matchingRows, type NaiveClause, type NaiveQuery, type NaiveTable, render } from './naive.ts';
import { column, find, type SampleRow, sampleContext, sampleDatabase } from './sample.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const runs = Number(process.env['RUNS'] ?? 400);

/** Names that hold operators, none of which is another one's beginning plus an operator. */
const names = [
  'INstall',
  'u_ONE',
  'a_LIKE_b',
  'stateIN',
  'cost',
  'cost_total',
  'x',
  'ISEMPTYish',
  'sONx',
  'ENDS',
];
const kinds: ColumnKind[] = ['string', 'string', 'integer', 'decimal', 'boolean', 'date_time', 'reference'];
const texts = [
  '',
  'a',
  'A',
  'ab',
  'aB',
  'b',
  'Ü',
  'ü',
  'Müll',
  'MÜLL',
  '%',
  '_',
  '*',
  '?',
  '[x]',
  '\\',
  "'",
  '"',
  'a^b',
  '^',
  ' a',
  'ß',
  'x IN',
];
const dates = [
  '',
  '2026-03-08 06:59:59',
  '2026-03-08 07:00:00',
  '2026-03-18 03:59:59',
  '2026-03-18 04:00:00',
  '2026-03-18 15:30:00',
  '2026-03-19 04:30:00',
  '2025-12-31 23:00:00',
  '2026-11-01 05:30:00',
];
const numbers = ['', '-1', '0', '1', '2', '10'];
const decimals = ['', '-0.5', '0', '1.5', '2', '10.25'];
const zones = ['UTC', 'America/New_York', 'Asia/Kolkata', 'Pacific/Auckland'];

type Drawn = {
  tables: Map<string, NaiveTable>;
  query: NaiveQuery;
  switches: QuerySwitches;
  timeZone: string;
};

const columnsOf = fc
  .uniqueArray(fc.constantFrom(...names), { minLength: 3, maxLength: 7 })
  .chain((chosen) =>
    fc.tuple(
      ...chosen.map((name) =>
        fc.record({
          name: fc.constant(name),
          kind: fc.constantFrom(...kinds),
          reference: fc.constantFrom('one', 'two'),
        }),
      ),
    ),
  )
  .map((drawn) => [
    { name: 'sys_id', kind: 'guid' as const },
    { name: 'label', kind: 'string' as const },
    ...drawn.map(({ name, kind, reference }) =>
      kind === 'reference' ? { name, kind, reference } : { name, kind },
    ),
  ]);

const tableNamed = (name: string) =>
  columnsOf.chain((columns) =>
    fc
      .array(
        fc.record(Object.fromEntries(columns.slice(1).map((one) => [one.name, valueOfKind(one.kind)]))),
        { maxLength: 8 },
      )
      .map(
        (rows): NaiveTable => ({
          name,
          display: 'label',
          columns,
          rows: rows.map((row, at): SampleRow => ({ ...row, sys_id: `r${at}` })),
        }),
      ),
  );

const drawn: fc.Arbitrary<Drawn> = fc.tuple(tableNamed('one'), tableNamed('two')).chain(([one, two]) => {
  const tables = new Map([one, two].map((table) => [table.name, table]));
  return fc.record({
    tables: fc.constant(tables),
    query: queryOn(tables),
    switches: fc.record({
      caseSensitiveText: fc.boolean(),
      undoubleCarets: fc.constant(true),
      invalidQueryReturnsNoRows: fc.boolean(),
      negationFindsEmpty: fc.boolean(),
      trailingPercentStartsWith: fc.boolean(),
    }),
    timeZone: fc.constantFrom(...zones),
  });
});

function valueOfKind(kind: ColumnKind): fc.Arbitrary<string> {
  switch (kind) {
    case 'integer':
      return fc.constantFrom(...numbers);
    case 'decimal':
      return fc.constantFrom(...decimals);
    case 'boolean':
      return fc.constantFrom('', 'true', 'false');
    case 'date_time':
      return fc.constantFrom(...dates);
    case 'reference':
    case 'guid':
      return fc.constantFrom('', 'r0', 'r1', 'r2', 'r3', 'gone');
    default:
      return fc.constantFrom(...texts);
  }
}

function queryOn(tables: Map<string, NaiveTable>): fc.Arbitrary<NaiveQuery> {
  const clause = pathOn(tables, 'one', 3).chain(([path, kind]) => clauseOn(tables, path, kind));
  const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 3 });
  return fc.record({
    alternatives: some(some(some(clause))),
    orderBy: fc.array(
      fc.record({ path: pathOn(tables, 'one', 2).map(([path]) => path), descending: fc.boolean() }),
      { maxLength: 2 },
    ),
  });
}

/** A path of known columns, now and then with an unknown one. */
function pathOn(
  tables: Map<string, NaiveTable>,
  table: string,
  depth: number,
): fc.Arbitrary<[string[], ColumnKind | undefined]> {
  const columns = tables.get(table)?.columns ?? [];
  const known = fc.constantFrom(...columns).chain((one): fc.Arbitrary<[string[], ColumnKind | undefined]> => {
    if (one.reference === undefined || depth <= 1) return fc.constant([[one.name], one.kind]);
    const further = pathOn(tables, one.reference, depth - 1).map(
      ([path, kind]): [string[], ColumnKind | undefined] => [[one.name, ...path], kind],
    );
    return fc.oneof(fc.constant<[string[], ColumnKind | undefined]>([[one.name], one.kind]), further);
  });
  return fc.oneof(
    { weight: 12, arbitrary: known },
    { weight: 1, arbitrary: fc.constant<[string[], undefined]>([['nonsense'], undefined]) },
  );
}

function clauseOn(
  tables: Map<string, NaiveTable>,
  path: string[],
  kind: ColumnKind | undefined,
): fc.Arbitrary<NaiveClause> {
  const value = valueOfKind(kind ?? 'string');
  const given = value.filter((one) => one !== '');
  const clause: MakeClause = (operators, values) =>
    fc.record({ path: fc.constant(path), operator: fc.constantFrom(...operators), values });
  const choices = [
    clause(['=', '!='], fc.tuple(value)),
    clause(
      ['IN', 'NOT IN'],
      fc.array(
        value.filter((one) => !one.includes(',')),
        { minLength: 1, maxLength: 4 },
      ),
    ),
    clause(['<', '>', '<=', '>='], fc.tuple(given)),
    clause(['BETWEEN'], fc.tuple(given, given)),
    clause(['ISEMPTY', 'ISNOTEMPTY', 'ANYTHING'], fc.constant([])),
  ];
  if (kind !== 'boolean')
    choices.push(
      clause(
        ['LIKE', 'NOT LIKE', 'STARTSWITH', 'ENDSWITH'],
        fc.tuple(fc.oneof(value, fc.constantFrom('1', '-0', 'r1'))),
      ),
    );
  choices.push(...againstColumns(tables, path, kind, clause));
  if (kind === 'date_time') choices.push(...onTimes(clause));
  return fc.oneof(...choices);
}

type MakeClause = (operators: string[], values: fc.Arbitrary<string[]>) => fc.Arbitrary<NaiveClause>;

/** Only between columns of one kind: what an instance does with others is not documented. */
function againstColumns(
  tables: Map<string, NaiveTable>,
  path: string[],
  kind: ColumnKind | undefined,
  clause: MakeClause,
) {
  const peers = (tables.get('one')?.columns ?? []).filter((one) => one.kind === kind).map((one) => one.name);
  if (peers.length === 0 || path.length > 1) return [];
  const peer = fc.constantFrom(...peers);
  const same = clause(
    ['SAMEAS', 'NSAMEAS', 'GT_FIELD', 'LT_FIELD', 'GT_OR_EQUALS_FIELD', 'LT_OR_EQUALS_FIELD'],
    fc.tuple(peer),
  );
  if (kind !== 'date_time') return [same];
  const unit = fc.constantFrom('day', 'month', 'quarter', 'year');
  const distance = fc.tuple(peer, fc.constantFrom('before', 'after'), fc.nat(400));
  return [
    same,
    clause(
      ['SAMEAS', 'NSAMEAS'],
      fc.tuple(peer, unit).map(([name, word]) => [`${name}@${word}`]),
    ),
    clause(
      ['MORETHAN', 'LESSTHAN'],
      distance.map(([name, direction, days]) => [`${name}@day@${direction}@${days}`]),
    ),
  ];
}

function onTimes(clause: MakeClause) {
  const days = fc.constantFrom('sunday', 'monday', 'wednesday', 'saturday');
  const sign = fc.constantFrom('EE', 'GE', 'LE', 'GT', 'LT');
  const relative = fc.tuple(fc.constantFrom('hour', 'minute'), fc.constantFrom('ago', 'ahead'), fc.nat(500));
  return [
    clause(
      ['DATEPART'],
      fc.tuple(days, sign).map(([day, word]) => [`x@javascript:gs.datePart('dayofweek','${day}','${word}')`]),
    ),
    clause(
      ['RELATIVEGT', 'RELATIVELT', 'RELATIVEGE', 'RELATIVELE'],
      relative.map(([unit, direction, count]) => [`@${unit}@${direction}@${count}`]),
    ),
  ];
}

describe('compiled queries', () => {
  it(`find the same rows in the same order as a naive reading of the same query (SEED=${seed})`, () => {
    fc.assert(
      fc.property(drawn, ({ tables, query, switches, timeZone }) => {
        const schema = toSchema(tables);
        const rows = Object.fromEntries([...tables].map(([name, table]) => [name, table.rows]));
        const database = sampleDatabase(schema, rows);
        const context = { ...sampleContext, user: { ...sampleContext.user, timeZone } };
        const world = { tables, switches, timeZone, nowMs: sampleContext.clock.now() };
        const text = render(query);
        const found = find(database, schema, 'one', text, {
          switches: { ...defaultQuerySwitches, ...switches },
          context,
        });
        database.close();
        expect(found, text).toEqual(matchingRows(world, 'one', query));
      }),
      { seed, numRuns: runs },
    );
  });
});

function toSchema(tables: Map<string, NaiveTable>): Schema {
  const schema = new Schema();
  for (const { name, display, columns } of tables.values()) {
    schema.add({
      name,
      label: name,
      display,
      columns: columns.map((one) =>
        column(one.name, one.kind, one.reference === undefined ? {} : { reference: one.reference }),
      ),
    });
  }
  return schema;
}
