import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../../../lib/operations/define-operation.ts';
import {
  getRecordsStagingTable,
  postRecordStagingTable,
  postRecordsStagingTable,
} from '../../../lib/operations/import-set.ts';
import {
  deleteRecordById,
  getAggregateRecord,
  getRecordById,
  getRecords,
  patchRecordById,
  postRecord,
  putRecordById,
} from '../../../lib/operations/table.ts';

function requestOf(operation: Operation, input: Record<string, unknown>) {
  const { request } = operation.prepare(input);
  if (request === undefined) throw new Error(`${operation.name} makes no request of its own`);
  return { ...request, query: String(request.query ?? '') };
}

describe('the URL of a call', () => {
  it('holds every parameter of a list by ServiceNow’s names', () => {
    const { path, query } = requestOf(getRecords, {
      tableName: 'incident',
      apiVersion: 'v2',
      sysparmQuery: 'active=true^short_description=a b&c',
      sysparmDisplayValue: 'all',
      sysparmFields: ['number', 'caller_id.name'],
      sysparmView: 'mobile',
      sysparmLimit: 10,
      sysparmOffset: '20',
      sysparmExcludeReferenceLink: true,
      sysparmQueryCategory: 'list',
      sysparmNoCount: 'true',
      sysparmSuppressPaginationHeader: false,
      sysparmQueryNoDomain: true,
    });
    expect(path).toBe('/api/now/v2/table/incident');
    expect(Object.fromEntries(new URLSearchParams(query))).toEqual({
      sysparm_query: 'active=true^short_description=a b&c',
      sysparm_display_value: 'all',
      sysparm_fields: 'number,caller_id.name',
      sysparm_view: 'mobile',
      sysparm_limit: '10',
      sysparm_offset: '20',
      sysparm_exclude_reference_link: 'true',
      sysparm_query_category: 'list',
      sysparm_no_count: 'true',
      sysparm_suppress_pagination_header: 'false',
      sysparm_query_no_domain: 'true',
    });
  });

  it('holds every parameter of an aggregate', () => {
    const { path, query } = requestOf(getAggregateRecord, {
      tableName: 'incident',
      sysparmCount: true,
      sysparmAvgFields: 'a',
      sysparmMinFields: 'b',
      sysparmMaxFields: 'c',
      sysparmSumFields: 'd',
      sysparmGroupBy: 'e,f',
      sysparmOrderBy: 'AVG^a^DESC',
      sysparmHaving: 'count^state^>^3',
      sysparmDisplayValue: true,
      keyValuePairs: { active: true },
    });
    expect(path).toBe('/api/now/stats/incident');
    expect(query).toBe(
      'sysparm_count=true&sysparm_avg_fields=a&sysparm_min_fields=b&sysparm_max_fields=c&sysparm_sum_fields=d' +
        '&sysparm_group_by=e%2Cf&sysparm_order_by=AVG%5Ea%5EDESC&sysparm_having=count%5Estate%5E%3E%5E3' +
        '&sysparm_display_value=true&active=true',
    );
  });

  it('holds the one parameter of a deletion', () => {
    const input = { tableName: 'incident', sysId: '1', sysparmQueryNoDomain: true };
    expect(requestOf(deleteRecordById, input)).toMatchObject({
      path: '/api/now/table/incident/1',
      query: 'sysparm_query_no_domain=true',
    });
  });

  it('also accepts the WSO2 connector’s names of pairs and of the category of a read', () => {
    const input = { tableName: 't', KeyValuePairs: '{"a":"b"}', sysparmReadReplicaCategory: 'c' };
    expect(requestOf(getRecords, input).query).toBe('sysparm_query_category=c&a=b');
  });

  it('accepts pairs in the form in which the WSO2 connector put them into the URL', () => {
    const input = { tableName: 't', keyValuePairs: 'active=true&caller_id.name=Abel+Tuter%26Co' };
    for (const operation of [getRecords, getAggregateRecord])
      expect(requestOf(operation, input).query).toBe('active=true&caller_id.name=Abel+Tuter%26Co');
  });

  it('accepts parameters by the names that other versions of the WSO2 connector use', () => {
    const paging = { tableName: 't', sysparmSupPaginationHeader: 'true' };
    expect(requestOf(getRecords, paging).query).toBe('sysparm_suppress_pagination_header=true');
    expect(requestOf(getAggregateRecord, { tableName: 't', sysparmOrderby: 'state' }).query).toBe(
      'sysparm_order_by=state',
    );
  });

  it('leaves out the version and the group of an import that are given empty', () => {
    const input = { tableName: 't', records: [{}], apiVersion: '', multiImportSetId: '', runAfter: '' };
    expect(requestOf(postRecordsStagingTable, input)).toMatchObject({
      path: '/api/now/import/t/insertMultiple',
      query: '',
    });
  });

  it('leaves out what is not given or given empty', () => {
    expect(requestOf(getRecords, { tableName: 'incident', sysparmQuery: '', sysparmView: null }).query).toBe(
      '',
    );
  });

  it('is refused when a parameter is given under two of its names', () => {
    const input = { tableName: 't', sysparmQueryCategory: 'a', sysparmReadReplicaCategory: 'b' };
    expect(() => requestOf(getRecords, input)).toThrow(
      /^sysparmQueryCategory: is given twice, under two names/,
    );
  });

  it('carries any text as one value and lets none of it change the path', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1 }),
        fc.string({ unit: 'grapheme' }),
        (query, value) => {
          const listed = requestOf(getRecords, {
            tableName: 'incident',
            sysparmQuery: query,
            sysparmView: 'v',
          });
          expect(listed.path).toBe('/api/now/table/incident');
          expect([...new URLSearchParams(listed.query)]).toEqual([
            ['sysparm_query', query],
            ['sysparm_view', 'v'],
          ]);
          const paired = requestOf(getRecords, {
            tableName: 'incident',
            keyValuePairs: { short_description: value },
          });
          expect([...new URLSearchParams(paired.query)]).toEqual([['short_description', value]]);
        },
      ),
    );
  });

  it('is refused, or has exactly the names given in its path', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (tableName, sysId) => {
        try {
          expect(requestOf(getRecordById, { tableName, sysId }).path).toBe(
            `/api/now/table/${tableName}/${sysId}`,
          );
          expect(`${tableName}/${sysId}`).toMatch(/^\w{1,80}\/[\w-]{1,32}$/);
        } catch (error) {
          expect(error).toMatchObject({ name: 'InvalidInputError' });
        }
      }),
    );
  });
});

describe('whether a call may be sent again after a lost answer', () => {
  const path = { tableName: 't', sysId: '1' };

  it.each([
    [getRecords, { tableName: 't' }],
    [getRecordById, path],
    [getAggregateRecord, { tableName: 't' }],
    [getRecordsStagingTable, path],
  ] as const)('$name may, since it changes nothing', (operation, input) => {
    expect(requestOf(operation, input).repeatable).toBe('read');
  });

  it.each([
    [postRecord, { tableName: 't', record: {} }],
    [postRecordStagingTable, { tableName: 't', record: {} }],
    [postRecordsStagingTable, { tableName: 't', records: [{}] }],
    [patchRecordById, { ...path, record: { state: '2' } }],
    [putRecordById, { ...path, record: { state: '2' } }],
    [deleteRecordById, path],
  ] as const)('$name may not, since the first copy may still be running', (operation, input) => {
    expect(requestOf(operation, input).repeatable).toBe('never');
  });
});

describe('the record of a write', () => {
  it('is sent again after a lost answer when it brings its own sys_id, since a second copy is refused', () => {
    const record = { sys_id: 'a'.repeat(32) };
    expect(requestOf(postRecord, { tableName: 't', record }).repeatable).toBe('keyed');
  });

  it('must be given, but may be empty', () => {
    expect(requestOf(postRecord, { tableName: 't', record: {} }).body).toEqual({});
    expect(() => requestOf(postRecord, { tableName: 't' })).toThrow('record: required');
  });

  it('keeps a column that is given empty, for that clears it', () => {
    const input = { tableName: 't', sysId: '1', approval: '', record: { close_notes: '' } };
    expect(requestOf(patchRecordById, input).body).toEqual({ approval: '', close_notes: '' });
  });

  it('is never evaluated when it comes as text', () => {
    expect(() => requestOf(postRecord, { tableName: 't', apiColumns: '({a: process.exit(1)})' })).toThrow(
      'apiColumns',
    );
    expect(requestOf(postRecord, { tableName: 't', apiColumns: '{"a":"b"}' }).body).toEqual({ a: 'b' });
    expect(requestOf(postRecord, { tableName: 't', apiColumns: ' ' }).body).toEqual({});
  });

  it('is refused when a number in it cannot be carried as it was written', () => {
    const bodyOf = (value: number) => requestOf(postRecord, { tableName: 't', record: { a: value } }).body;
    for (const value of [0, -1.5, 1e-7, Number.MAX_SAFE_INTEGER]) expect(bodyOf(value)).toEqual({ a: value });
    for (const value of [2 ** 53, 1e21, Number.POSITIVE_INFINITY])
      expect(() => bodyOf(value)).toThrow(/^record\.a: .*send it as a string/);
  });

  it('keeps a column that is named like a part of every object', () => {
    const record = JSON.parse('{"toString":"x","constructor":"y"}');
    expect(JSON.stringify(requestOf(postRecord, { tableName: 't', record }).body)).toBe(
      '{"toString":"x","constructor":"y"}',
    );
  });
});

describe('the row of a staging table', () => {
  it.each([
    [{ record: { ram: { gb: '8' } } }, /record\.ram: .*an object/],
    [{ record: { ram: ['8'] } }, /record\.ram: .*a list/],
  ])('is refused when it is %j, naming the column', (input, reason) => {
    expect(() => requestOf(postRecordStagingTable, { tableName: 'imp_computer', ...input })).toThrow(reason);
  });

  it('accepts the WSO2 connector’s names of table and columns', () => {
    const request = requestOf(postRecordStagingTable, {
      stagingTableName: 'imp_computer',
      serialNumber: '1',
      cpuCount: '2',
    });
    expect(request).toMatchObject({
      path: '/api/now/import/imp_computer',
      body: { serial_number: '1', cpu_count: '2' },
    });
  });

  it('accepts the WSO2 connector’s names of its path', () => {
    const input = { tableNameStaging: 'imp_computer', sysIdStaging: '1' };
    expect(requestOf(getRecordsStagingTable, input).path).toBe('/api/now/import/imp_computer/1');
  });

  it('is reported with its position among many', () => {
    const records = [{ name: 'a' }, { name: 'b', ram: [8] }];
    expect(() => requestOf(postRecordsStagingTable, { tableName: 't', records })).toThrow(
      /^records\[1\]\.ram/,
    );
    expect(() => requestOf(postRecordsStagingTable, { tableName: 't', records: [] })).toThrow(
      /^records: must contain at least one row/,
    );
    expect(() => requestOf(postRecordsStagingTable, { tableName: 't', records: [[]] })).toThrow(
      /^records\[0\]/,
    );
    expect(() => requestOf(postRecordsStagingTable, { tableName: 't', records: [{ '': 'x' }] })).toThrow(
      /^records\[0\]: a column name is empty/,
    );
  });

  it('goes into a group, after another set, on request', () => {
    const request = requestOf(postRecordsStagingTable, {
      tableName: 't',
      records: [{ a: 'b' }],
      multiImportSetId: '1',
      runAfter: '2',
    });
    expect(request).toMatchObject({
      path: '/api/now/import/t/insertMultiple',
      query: 'multi_import_set_id=1&run_after=2',
    });
  });
});
