import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readOperator } from '../../../../emulator/instance/query/operators.ts';
import { find, sampleDatabase, sampleSchema } from './sample.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const runs = Number(process.env['RUNS'] ?? 1_500);

const schema = sampleSchema();
const database = sampleDatabase(schema, {
  person: [{ sys_id: 'p1', name: 'Ann', boss: 'p1' }],
  task: [
    { sys_id: '1', title: 'x', priority: '1', opened: '2026-03-18 00:00:00', caller: 'p1', active: 'true' },
  ],
});

/** Everything that means something in a query, thrown together without sense. */
const pieces = fc.constantFrom(
  ...[
    '^',
    '^^',
    '^OR',
    '^NQ',
    '^EQ',
    '^ORDERBY',
    '^ORDERBYDESC',
    '^GROUPBY',
    '^RLQUERYtask.parent,>=1',
    '^ENDRLQUERY',
  ],
  ...[
    'JOINtask.caller=person.sys_id!',
    '123TEXTQUERY321=',
    '.',
    ',',
    '@',
    '%',
    '*',
    '!*',
    '[',
    '\\',
    "'",
    '"',
    '\u0000',
    'Ü',
  ],
  ...[
    'title',
    'priority',
    'cost',
    'active',
    'opened',
    'due',
    'caller',
    'caller.name',
    'caller.boss.boss.name',
    'nonsense',
  ],
  ...[
    '=',
    '!=',
    '<',
    '>',
    '<=',
    '>=',
    'IN',
    'NOT IN',
    'LIKE',
    'NOT LIKE',
    'STARTSWITH',
    'ENDSWITH',
    'BETWEEN',
    'ISEMPTY',
  ],
  ...[
    'ANYTHING',
    'SAMEAS',
    'NSAMEAS',
    'GT_FIELD',
    'MORETHAN',
    'LESSTHAN',
    'ON',
    'NOTON',
    'RELATIVEGT',
    'RELATIVEEE',
    'DATEPART',
  ],
  ...[
    'INSTANCEOF',
    'DYNAMIC',
    'IN_HIERARCHY',
    '@day@before@1',
    '@hour@ago@9',
    '1',
    '-1.5',
    'true',
    '2026-03-18',
    '9'.repeat(30),
  ],
  ...[
    'javascript:',
    'gs.daysAgoStart(0)',
    'gs.getUserID()',
    "gs.datePart('dayofweek','monday','EE')",
    'getMyGroups()',
    '()',
  ],
);

describe('any text as a query', () => {
  it(`compiles to SQL that runs (SEED=${seed})`, () => {
    const texts = fc.oneof(
      fc.array(pieces, { maxLength: 14 }).map((parts) => parts.join('')),
      fc.string({ maxLength: 40 }),
    );
    fc.assert(
      fc.property(
        texts,
        fc.boolean(),
        fc.constantFrom('task', 'incident'),
        (text, caseSensitiveText, table) => {
          find(database, schema, table, text, { switches: { caseSensitiveText } });
        },
      ),
      { seed, numRuns: runs },
    );
  });

  it('stays within the limits of SQLite on very long lists, patterns and chains', () => {
    const many = Array.from({ length: 40_000 }, (_, at) => String(at));
    expect(find(database, schema, 'task', `sys_idIN${many.join(',')}`)).toEqual(['1']);
    expect(find(database, schema, 'task', `priorityIN${many.join(',')}`)).toEqual(['1']);
    expect(find(database, schema, 'task', `titleINX,${many.join(',')}`)).toEqual(['1']);
    expect(find(database, schema, 'task', `titleNOT IN${many.join(',')}`)).toEqual(['1']);
    expect(find(database, schema, 'task', `titleLIKE${'x'.repeat(60_000)}`)).toEqual([]);
  });
});

describe('reading an operator', () => {
  it('finds the longest one', () => {
    expect(readOperator('INSTANCEOFx')).toEqual({ operator: 'INSTANCEOF', value: 'x' });
    expect(readOperator('IN_HIERARCHY_DYNAMICx')).toEqual({ operator: 'IN_HIERARCHY_DYNAMIC', value: 'x' });
    expect(readOperator('<=1')).toEqual({ operator: '<=', value: '1' });
    expect(readOperator('ISEMPTYx')).toBeUndefined();
  });
});
