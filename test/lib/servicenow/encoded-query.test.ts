import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../../../emulator/instance/index.ts';
import {
  encodedQuery,
  escapeValue,
  hasOrder,
  narrow,
  splitForIn,
} from '../../../lib/servicenow/encoded-query.ts';
import { createRecord, listRecords } from '../../../lib/servicenow/records.ts';
import { callContext, clientFor } from './testing.ts';

/** Splits at single carets and un-doubles the others, reading from the left. */
function parse(query: string): string[] {
  const clauses = [''];
  for (const token of query.match(/\^\^|\^|[^^]+/g) ?? []) {
    if (token === '^') clauses.push('');
    else clauses.push(`${clauses.pop() ?? ''}${token === '^^' ? '^' : token}`);
  }
  return clauses;
}

const printable = fc
  .string({ unit: 'grapheme' })
  .filter((text) => /^[^\p{Cc}\u2028\u2029]*$/u.test(text) && !/^\s*javascript\s*:/i.test(text));
const hostile = fc.constantFrom(
  'x^NQnumberANYTHING',
  'x^ORsys_idISNOTEMPTY',
  '^',
  '^^',
  'a^^^',
  '^ORDERBYsys_id',
  'a,b',
  '^EQ',
);

describe('an encoded query', () => {
  it('keeps every value inside its own condition, whatever the value holds', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(printable, hostile), { minLength: 1, maxLength: 5 }), (values) => {
        let query = encodedQuery();
        for (const value of values) query = query.where('short_description', '=', value);
        const expected = values.map((value) =>
          value === '' ? 'short_descriptionISEMPTY' : `short_description=${value}`,
        );
        expect(parse(query.toString())).toEqual(expected);
      }),
      { seed: 5 },
    );
  });

  it('keeps lists of values apart too, commas included', () => {
    expect(encodedQuery().oneOf('state', ['1', '2']).toString()).toBe('stateIN1,2');
    expect(encodedQuery().oneOf('name', ['Smith, J', '']).toString()).toBe('name=Smith, J^ORnameISEMPTY');
    expect(encodedQuery().oneOf('name', ['a^b']).toString()).toBe('nameINa^^b');
  });

  it('asks for an empty or a filled column where the value is empty', () => {
    expect(encodedQuery().where('state', '=', '').where('parent', '!=', '').toString()).toBe(
      'stateISEMPTY^parentISNOTEMPTY',
    );
    expect(() => encodedQuery().where('state', '<', '')).toThrow('state: < needs a value');
  });

  it('refuses an empty list, which ServiceNow would read as no condition at all', () => {
    expect(() => encodedQuery().oneOf('state', [])).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field: 'state' }),
    );
  });

  it.each([
    'javascript:gs.getUserID()',
    ' JavaScript:x',
    '\tjavascript:x',
    'javascript :x',
    'a\u0000b',
    'a\nb',
    '\u007f',
    '\u2028',
  ])('refuses the value %j, naming the column and not the value', (value) => {
    const refused = expect.objectContaining({ code: 'INVALID_INPUT', field: 'caller_id' });
    expect(() => encodedQuery().where('caller_id', '=', value)).toThrow(refused);
    expect(() => encodedQuery().oneOf('caller_id', [value])).toThrow(refused);
    expect(() => escapeValue('caller_id', value)).not.toThrow(value.slice(0, 20));
  });

  it.each(['', 'a=1^b', 'Number', 'a..b', '.a', 'a b', 'sys_id^NQ'])(
    'refuses the column name %j',
    (field) => {
      expect(() => encodedQuery().isEmpty(field)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    },
  );

  it('sorts in both directions', () => {
    const query = encodedQuery()
      .where('active', '=', 'true')
      .orderBy('number')
      .orderBy('sys_id', 'descending');
    expect(query.toString()).toBe('active=true^ORDERBYnumber^ORDERBYDESCsys_id');
  });

  it('adds a condition to every group of a given query', () => {
    const added = encodedQuery().where('sys_id', '>', 'abc');
    expect(narrow('a=1^NQb=2^ORc=3', added)).toBe('a=1^sys_id>abc^NQb=2^ORc=3^sys_id>abc');
    expect(narrow('a=x^^NQy^EQ', added)).toBe('a=x^^NQy^sys_id>abc');
    expect(narrow('', added)).toBe('sys_id>abc');
  });

  it('distinguishes a sort from text that looks like one', () => {
    expect([
      hasOrder('a=1^ORDERBYb'),
      hasOrder('ORDERBYDESCb'),
      hasOrder('a=x^^ORDERBYb'),
      hasOrder(''),
    ]).toEqual([true, true, false, false]);
  });

  it('cuts long lists so that none is lost and each part stays short', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.uuid(), { maxLength: 300 }), (values) => {
        const parts = splitForIn(values, 1000);
        expect(parts.flat()).toEqual(values);
        for (const part of parts) expect(encodeURIComponent(part.join(',')).length).toBeLessThanOrEqual(1000);
      }),
      { seed: 3, numRuns: 20 },
    );
  });

  it('finds exactly the record whose text tries to break out of the query', async () => {
    const instance = await startInstance();
    onTestFinished(() => instance.close());
    const auth = { type: 'basic', username: instance.username, password: instance.password } as const;
    const client = clientFor({ instanceUrl: instance.url, auth });
    for (const text of ['x^NQnumberISNOTEMPTY', 'x^ORsys_idISNOTEMPTY', 'a^^b & c=d %5E']) {
      await createRecord(client, { table: 'incident', record: { short_description: text } }, callContext());
      const query = encodedQuery().where('short_description', '=', text).toString();
      const { records } = await listRecords(
        client,
        { table: 'incident', query, fields: ['short_description'] },
        callContext(),
      );
      expect(records).toEqual([{ short_description: text }]);
    }
  });
});
