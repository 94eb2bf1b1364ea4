import { describe, expect, it } from 'vitest';
import { compileQuery } from '../../../../emulator/instance/query/compile.ts';
import { find, sampleContext, sampleDatabase, sampleSchema } from './sample.ts';

const schema = sampleSchema();
const database = sampleDatabase(schema, {
  dept: [
    { sys_id: 'd1', name: 'IT' },
    { sys_id: 'd2', name: 'HR' },
  ],
  person: [
    { sys_id: 'p1', name: 'Don Goodliffe', dept: 'd1' },
    { sys_id: 'p2', name: 'Abel Tuter', dept: 'd2', boss: 'p1' },
  ],
  task: [
    {
      sys_id: '1',
      number: 'T1',
      title: 'Disk full',
      priority: '1',
      active: 'true',
      caller: 'p1',
      sys_class_name: 'incident',
    },
    {
      sys_id: '2',
      number: 'T2',
      title: 'disk 100% full',
      priority: '2',
      active: 'false',
      caller: 'p2',
      sys_class_name: 'major',
    },
    {
      sys_id: '3',
      number: 'T3',
      title: 'Müller^s net',
      priority: '10',
      sys_class_name: 'problem',
      INstall: '5',
    },
    {
      sys_id: '4',
      number: 'T4',
      priority: '',
      active: 'true',
      caller: 'gone',
      sys_class_name: 'task',
      u_ONE: 'x',
    },
  ],
});

const ids = (query: string, switches = {}) =>
  find(database, schema, 'incident', query, { switches }).join('');

describe('joining clauses', () => {
  it('binds OR to the condition right before it', () => {
    expect(ids('active=true^priority=1^ORpriority=2')).toBe('1');
    expect(ids('priority=1^ORpriority=2^active=true')).toBe('1');
    expect(ids('priority=1^ORpriority=2^active=true^ORtitleLIKEdisk')).toBe('12');
  });

  it('begins a new group at NQ', () => {
    expect(ids('active=true^priority=1^NQpriority=10')).toBe('13');
    expect(ids('priority=1^NQ')).toBe('1');
  });

  it('passes over EQ, empty clauses and a leading caret', () => {
    expect(ids('^priority=1^^EQ', { undoubleCarets: false })).toBe('1');
    expect(ids('^priority=1^EQ')).toBe('1');
  });

  it('finds everything for an empty query', () => {
    expect(ids('')).toBe('1234');
  });

  it('reads a doubled caret as one, unless a switch says otherwise', () => {
    expect(ids('title=Müller^^s net')).toBe('3');
    expect(ids('title=Müller^^s net', { undoubleCarets: false })).toBe('');
  });

  it('compiles a thousand alternatives', () => {
    expect(ids(Array.from({ length: 3000 }, (_, at) => `number=T${at}`).join('^OR'))).toBe('1234');
    expect(ids(Array.from({ length: 3000 }, (_, at) => `number!=X${at}`).join('^'))).toBe('1234');
  });
});

describe('reading a clause', () => {
  it('takes the longest column name before it looks for an operator', () => {
    expect(ids('INstall=5')).toBe('3');
    expect(ids('u_ONE=x')).toBe('4');
  });

  it('walks over references', () => {
    expect(ids('caller.dept.name=it')).toBe('1');
    expect(ids('caller.boss.dept.nameSTARTSWITHI')).toBe('2');
    expect(ids('caller.nameISEMPTY')).toBe('34');
  });

  it('drops a clause with an unknown column or operator, which widens the result', () => {
    expect(ids('nonsense=1^priority=1')).toBe('1');
    expect(ids('nonsense=1')).toBe('1234');
    expect(ids('priority~1')).toBe('1234');
    expect(ids('priority=1^ORnonsense=1')).toBe('1');
    expect(ids('caller.nonsense=1')).toBe('1234');
    expect(ids('title.name=1')).toBe('1234');
  });

  it('finds no rows for an invalid clause when the property says so', () => {
    expect(ids('nonsense=1^ORpriority=1', { invalidQueryReturnsNoRows: true })).toBe('');
    expect(ids('priority=1', { invalidQueryReturnsNoRows: true })).toBe('1');
  });

  it('reports every column named, for access checks', () => {
    const query = 'active=true^caller.dept.name=IT^NQpriority=1^ORDERBYDESCnumber^GROUPBYtitle^nonsense=1';
    const compiled = compileQuery(schema, 'incident', query, sampleContext);
    expect(compiled.fields).toEqual(['active', 'caller.dept.name', 'priority', 'number', 'title']);
    expect(compiled.columns).toContainEqual({ table: 'person', name: 'dept' });
    expect(compiled.groupBy).toEqual(['title']);
  });

  it('binds values and never writes them into the SQL', () => {
    const { where, params } = compileQuery(schema, 'incident', "title=x' OR 1=1 --^number>T1", sampleContext);
    expect(where).not.toContain('1=1');
    expect(params).toEqual(["x' OR 1=1 --", 'T1']);
  });
});

describe('comparisons', () => {
  it('compares text without regard to case, also beyond ASCII, unless a switch says otherwise', () => {
    expect(ids('title=DISK FULL')).toBe('1');
    expect(ids('title=MÜLLER^^S NET')).toBe('3');
    expect(ids('titleLIKEMÜL')).toBe('3');
    expect(ids('title=DISK FULL', { caseSensitiveText: true })).toBe('');
    expect(ids('titleLIKEDisk', { caseSensitiveText: true })).toBe('1');
  });

  it('takes % and _ in a value for themselves', () => {
    expect(ids('titleLIKE100%')).toBe('2');
    expect(ids('titleLIKE%')).toBe('2');
    expect(ids('titleLIKE_')).toBe('');
  });

  it('knows the short forms of contains, does not contain and ends with', () => {
    expect(ids('title*full')).toBe('12');
    expect(ids('title!*100')).toBe('13');
    expect(ids('title%net')).toBe('3');
  });

  it('takes true, false, 1 and 0 for booleans, and an empty one as not true', () => {
    expect(ids('active=true')).toBe('14');
    expect(ids('active=1')).toBe('14');
    expect(ids('active=0')).toBe('2');
    expect(ids('active!=true')).toBe('23');
  });

  it('leaves empty rows out of != for other kinds, unless a switch says otherwise', () => {
    expect(ids('priority!=1')).toBe('23');
    expect(ids('priority!=1', { negationFindsEmpty: true })).toBe('234');
    expect(ids('titleNOT LIKEdisk', { negationFindsEmpty: true })).toBe('34');
  });

  it('compares numbers by size', () => {
    expect(ids('priority>2')).toBe('3');
    expect(ids('priority<=2')).toBe('12');
    expect(ids('priorityBETWEEN2@10')).toBe('23');
    expect(ids('priority=high')).toBe('');
  });

  it('reads lists', () => {
    expect(ids('priorityIN1,10')).toBe('13');
    expect(ids('priorityNOT IN1,10')).toBe('2');
    expect(ids('titleINdisk FULL,MÜLLER^^s net')).toBe('13');
  });

  it('matches a reference by sys_id, and its text by what it shows', () => {
    expect(ids('caller=p1')).toBe('1');
    expect(ids('callerSTARTSWITHdon')).toBe('1');
  });

  it('finds empty columns by ISEMPTY, EMPTYSTRING and an empty value', () => {
    expect(ids('titleISEMPTY')).toBe('4');
    expect(ids('titleEMPTYSTRING')).toBe('4');
    expect(ids('title=')).toBe('4');
    expect(ids('title!=')).toBe('123');
    expect(ids('titleISNOTEMPTY')).toBe('123');
    expect(ids('titleANYTHING')).toBe('1234');
  });

  it('takes NULL for no value, in capitals and by itself', () => {
    expect(ids('title=NULL')).toBe('4');
    expect(ids('title!=NULL')).toBe('123');
    expect(ids('caller.name=NULL')).toBe('34');
    expect(ids('title=null')).toBe('');
    expect(ids('titleLIKENULL')).toBe('');
  });
});

describe('sorting', () => {
  it('sorts by the columns in the order given, empty values first', () => {
    expect(ids('ORDERBYpriority')).toBe('4123');
    expect(ids('priorityISNOTEMPTY^ORDERBYDESCpriority')).toBe('321');
    expect(ids('ORDERBYactive^ORDERBYDESCnumber')).toBe('3241');
  });

  it('sorts a reference by what it shows, and passes over an unknown column', () => {
    expect(ids('callerISNOTEMPTY^ORDERBYcaller')).toBe('421');
    expect(ids('ORDERBYnonsense')).toBe('1234');
  });
});

describe('what the search field of a list or a rule says', () => {
  it('takes x% for STARTSWITH by switch, and for text otherwise', () => {
    expect(ids('title=disk%')).toBe('');
    expect(ids('title=disk%', { trailingPercentStartsWith: true })).toBe('12');
    expect(ids('title=%', { trailingPercentStartsWith: true })).toBe('');
    expect(ids('title%full')).toBe('12');
  });

  it.each(['titleVALCHANGES', 'priorityCHANGESFROM1', 'priorityCHANGESTO2'])(
    'passes over %s, which has a meaning in rules alone, and keeps the rest',
    (clause) => {
      expect(ids(`${clause}^active=true`)).toBe(ids('active=true'));
      expect(ids(`active=true^${clause}`)).toBe(ids('active=true'));
      expect(ids(`active=true^${clause}^ORpriority=1`)).toBe(ids('active=true^priority=1'));
      expect(ids(clause, { invalidQueryReturnsNoRows: true })).toBe(ids(''));
    },
  );
});
