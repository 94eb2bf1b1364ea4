import { describe, expect, it } from 'vitest';
import { readQuery } from '../../../lib/gateway/http-query.ts';
import { postRecordsStagingTable } from '../../../lib/operations/import-set.ts';
import { getAggregateRecord, getRecords, postRecord } from '../../../lib/operations/table.ts';

describe('the query of a request', () => {
  it('reads sysparm_ names as the WSO2 connector’s', () => {
    const { input } = readQuery(
      'sysparm_query=a%3D1%5Eb%3D2&sysparm_read_replica_category=x',
      getRecords.parameterNames,
    );
    expect(input).toEqual({ sysparmQuery: 'a=1^b=2', sysparmReadReplicaCategory: 'x' });
  });

  it('reads everything else as column=value pairs where the operation takes them', () => {
    const { input } = readQuery(
      'active=true&caller_id.name=Abel+Tuter&sysparm_limit=5',
      getRecords.parameterNames,
    );
    expect(input).toEqual({
      sysparmLimit: '5',
      keyValuePairs: { active: 'true', 'caller_id.name': 'Abel Tuter' },
    });
  });

  it('never lets a query parameter stand for the path, the body or a column of the record', () => {
    for (const name of [
      'tableName',
      'sysId',
      'record',
      'number',
      'short_description',
      'apiColumns',
      'instance',
    ]) {
      const { input, forwarded, notes } = readQuery(`${name}=x`, postRecord.parameterNames);
      expect({ input, forwarded, notes }).toEqual({
        input: {},
        forwarded: [],
        notes: { 'x-ignored-parameters': name },
      });
    }
  });

  it('takes no misspelt name for the one that it resembles', () => {
    const read = (query: string, { parameterNames } = getRecords) => readQuery(query, parameterNames);
    for (const [name, value] of [
      ['sysparm_l_imit', '1'],
      ['sysparm_offset_', '2'],
    ] as const)
      expect(read(`${name}=${value}&sysparm_limit=5&sysparm_offset=6`)).toMatchObject({
        input: { sysparmLimit: '5', sysparmOffset: '6' },
        forwarded: [[name, value]],
        notes: { 'x-unknown-parameters': name },
      });
    for (const query of ['sysparm_query=a&sysparm_que_ry=b', 'sysparm_limit=1&sysparmlimit=2'])
      expect(() => read(query)).toThrow('unknown query parameter');
  });

  it('hands sysparm_ names that we do not know on to the instance', () => {
    expect(readQuery('sysparm_new=1', getRecords.parameterNames).forwarded).toEqual([['sysparm_new', '1']]);
  });

  it.each(['sysparmQuery', 'Sysparm_Limit', 'SYSPARM_FIELDS', 'sysparm-query'])(
    'refuses %s, which ServiceNow would take for a column and drop',
    (name) => {
      for (const { parameterNames } of [getRecords, postRecord])
        expect(() => readQuery(`${name}=x`, parameterNames)).toThrow(
          `${name}: unknown query parameter; over HTTP`,
        );
    },
  );

  it('knows the two names of insertMultiple', () => {
    const { input } = readQuery('multi_import_set_id=a&run_after=b', postRecordsStagingTable.parameterNames);
    expect(input).toEqual({ multiImportSetId: 'a', runAfter: 'b' });
  });

  it('refuses percent-encoding that is not UTF-8, and takes a lone % for itself', () => {
    expect(() => readQuery('sysparm_query=name!=Gr%FC%DFe', getRecords.parameterNames)).toThrow(
      'sysparm_query: is not percent-encoded UTF-8',
    );
    const { input } = readQuery('sysparm_query=a=100%^b=%EF%BF%BD', getRecords.parameterNames);
    expect(input).toEqual({ sysparmQuery: 'a=100%^b=\uFFFD' });
  });

  it('takes the first value of a parameter that is given twice, but refuses conditions that contradict each other', () => {
    const read = (query: string) => readQuery(query, getRecords.parameterNames).input;
    expect(read('sysparm_limit=1&sysparm_limit=2')).toEqual({ sysparmLimit: '1' });
    const aggregate = 'sysparm_orderby=COUNT&sysparm_order_by=state';
    expect(readQuery(aggregate, getAggregateRecord.parameterNames).input).toEqual({
      sysparmOrderby: 'COUNT',
    });
    expect(read('state=1&state=1&sysparm_query=&sysparm_query=')).toEqual({
      sysparmQuery: '',
      keyValuePairs: { state: '1' },
    });
    for (const ignored of ['_=1&_=2', 'sysparm_query=active=true&state=1&state=2'])
      expect(() => read(ignored)).not.toThrow();
    for (const query of ['state=1&state=2', 'sysparm_query=a&sysparm_query=b'])
      expect(() => read(query)).toThrow('given more than once');
  });

  it.each([
    ...[
      'sysparam_query',
      'sysparams_query',
      'syspram_query',
      'sys_parm_query',
      'sys_param_query',
      'sysarm_query',
    ],
    ...['sysparm_qry', 'sysparm_quary', 'sysparm_qurey', 'sysparam_qry', 'sysparm_Query', 'sysparm_query_'],
    ...['%20sysparm_query', 'sysparm_query%20', 'sysparm_query[]', 'query'],
  ])('refuses %s for sysparm_query, without which the whole table would be answered', (name) => {
    expect(() => readQuery(`${name}=a%3D1`, getRecords.parameterNames)).toThrow(
      'did you mean sysparm_query?',
    );
    expect(() => readQuery(`${name}=a%3D1`, postRecord.parameterNames)).not.toThrow();
  });

  it.each(['sysparm_view', 'sysparm_user', 'sysparm_query_category', 'sysparm_query_no_domain', 'query'])(
    'does not take %s for it',
    (name) => {
      expect(() => readQuery(`${name}=a`, getRecords.parameterNames)).not.toThrow();
    },
  );

  it('reports other names that look like a misspelt parameter, and makes no condition of them', () => {
    const query = 'sysparam_limit=1&syspram_limit=1&sys_parm_limit=1&sysparm_limt=1&active=true';
    expect(readQuery(query, getRecords.parameterNames)).toMatchObject({
      input: { keyValuePairs: { active: 'true' } },
      forwarded: [['sysparm_limt', '1']],
      notes: { 'x-unknown-parameters': 'sysparam_limit,syspram_limit,sys_parm_limit,sysparm_limt' },
    });
  });

  it('ignores what can be no column, with and without a query, and reports it', () => {
    for (const more of ['', '&sysparm_query=a%3D1'])
      expect(
        readQuery(`cache-buster=1&$top=1&a[]=1&_=1${more}`, getRecords.parameterNames).notes,
      ).toMatchObject({
        'x-ignored-parameters': more ? 'cache-buster,%24top,a%5B%5D,_' : 'cache-buster,%24top,a%5B%5D',
      });
  });
});
