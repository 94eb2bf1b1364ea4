import { describe, expect, it } from 'vitest';
import { compileQuery } from '../../../../emulator/instance/query/compile.ts';
import { find, sampleContext, sampleDatabase, sampleSchema } from './sample.ts';

const schema = sampleSchema();
const database = sampleDatabase(schema, {
  person: [
    { sys_id: 'u0', name: 'Ann' },
    { sys_id: 'u1', name: 'Abel', boss: 'u0' },
    { sys_id: 'u2', name: 'Ben', boss: 'u1' },
    { sys_id: 'u3', name: 'Cy' },
  ],
  sys_user_grmember: [
    { sys_id: 'm1', user: 'u1', group: 'u2' },
    { sys_id: 'm2', user: 'u0', group: 'u3' },
  ],
  task: [
    {
      sys_id: '1',
      sys_class_name: 'problem',
      title: 'cable cut',
      details: 'in the cellar',
      priority: '1',
      severity: '2',
    },
    { sys_id: '2', sys_class_name: 'incident', parent: '1', priority: '1', caller: 'u1', title: 'no net' },
    { sys_id: '3', sys_class_name: 'major', parent: '1', priority: '3', caller: 'u2', title: 'No Net' },
    { sys_id: '4', sys_class_name: 'problem', parent: '2', priority: '4', caller: 'u3', number: 'cellar' },
  ],
});

const ids = (query: string, table = 'task') => find(database, schema, table, query).join('');

describe('classes', () => {
  it('takes sys_class_name for exactly that class, and INSTANCEOF for it and those below', () => {
    expect(ids('sys_class_name=incident')).toBe('2');
    expect(ids('sys_class_nameINSTANCEOFincident')).toBe('23');
    expect(ids('sys_class_nameINSTANCEOFtask')).toBe('1234');
    expect(ids('sys_class_nameINSTANCEOFnonsense')).toBe('');
  });
});

describe('people', () => {
  it('knows the dynamic options Me and One of my groups', () => {
    expect(ids('callerDYNAMIC90d1921e5f510100a9ad2572f2b477fe')).toBe('2');
    expect(ids('callerDYNAMICd6435e965f510100a9ad2572f2b47744')).toBe('3');
    expect(ids('callerDYNAMIC0^priority=1')).toBe('12');
  });

  it('knows the groups of the user by script', () => {
    expect(ids('caller=javascript:gs.getUser().getMyGroups()')).toBe('3');
    expect(ids('callerINjavascript:getMyGroups()')).toBe('3');
    expect(ids('callerNOT INjavascript:getMyGroups()')).toBe('24');
  });

  it('follows a hierarchy downward from a record or from the user', () => {
    expect(ids('callerIN_HIERARCHYfdd0@u1')).toBe('23');
    expect(ids('callerIN_HIERARCHYfdd0%40u0')).toBe('23');
    expect(ids('callerIN_HIERARCHY_DYNAMICfdd0@90d1921e5f510100a9ad2572f2b477fe')).toBe('23');
    expect(ids('titleIN_HIERARCHYfdd0@u1^priority=1')).toBe('12');
  });
});

describe('columns against columns', () => {
  it('compares them, an empty one being neither the same nor different', () => {
    expect(ids('prioritySAMEASseverity', 'incident')).toBe('');
    expect(ids('priorityNSAMEASseverity', 'incident')).toBe('1');
    expect(ids('priorityLT_FIELDseverity', 'incident')).toBe('1');
    expect(ids('priorityGT_OR_EQUALS_FIELDseverity', 'incident')).toBe('');
  });

  it('drops the clause when the other column is unknown', () => {
    expect(ids('priorityGT_FIELDnonsense')).toBe('1234');
  });

  it('names both columns', () => {
    const { fields } = compileQuery(
      schema,
      'task',
      'priorityGT_FIELDcost^openedMORETHANclosed@day@after@1',
      sampleContext,
    );
    expect(fields).toEqual(['priority', 'cost', 'opened', 'closed']);
  });
});

describe('related rows', () => {
  it('counts the rows that point here', () => {
    expect(ids('RLQUERYtask.parent,>=1^ENDRLQUERY')).toBe('12');
    expect(ids('RLQUERYincident.parent,>=1^ENDRLQUERY')).toBe('1');
    expect(ids('RLQUERYtask.parent,=0^ENDRLQUERY^priority>3')).toBe('4');
    expect(ids('priority=1^RLQUERYtask.parent,=2,m2m^ENDRLQUERY')).toBe('1');
  });

  it('counts only those that meet the conditions, written either way', () => {
    expect(ids('RLQUERYtask.parent,>=1^priority=3^ENDRLQUERY')).toBe('1');
    expect(ids('RLQUERYtask.parent,>=1,priority=4^ENDRLQUERY')).toBe('2');
    expect(ids('RLQUERYtask.parent,>=1^priority=4^ORpriority=3^ENDRLQUERY')).toBe('12');
    expect(ids('RLQUERYtask.nonsense,>=1^ENDRLQUERY^priority=1')).toBe('12');
  });

  it('joins another table on equal values, the condition running to the end', () => {
    expect(ids('JOINtask.caller=person.sys_id!name=Ben')).toBe('3');
    expect(
      ids('priority>=1^JOINtask.caller=person.sys_id!nameSTARTSWITHA^ORname=Ben^ORDERBYDESCpriority'),
    ).toBe('32');
    expect(ids('JOINtask.caller=person.sys_id!')).toBe('234');
    expect(ids('JOINperson.caller=person.sys_id!')).toBe('1234');
  });

  it('finds the rows whose column a subquery of another table gives', () => {
    expect(ids('SUBQUERYcaller,sys_id,person^nameSTARTSWITHB^ENDSUBQUERY')).toBe('3');
    expect(ids('priority=1^SUBQUERYcaller, sys_id, person^ENDSUBQUERY')).toBe('2');
    expect(ids('SUBQUERYsys_id,parent,task^priority=3^ENDSUBQUERY^priority=1')).toBe('1');
    expect(ids('SUBQUERYsys_id,parent,task^priority=4^ORpriority=3^ENDSUBQUERY^ORDERBYDESCsys_id')).toBe(
      '21',
    );
    const managers =
      'SUBQUERYsys_id,boss,person^SUBQUERYsys_id,boss,person^^name=Ben^^ENDSUBQUERY^ENDSUBQUERY';
    expect(ids(managers, 'person')).toBe('u0');
    expect(ids('priority=4^ORSUBQUERYcaller,sys_id,person^name=Cy^ENDSUBQUERY')).toBe('4');
    expect(ids('SUBQUERYcaller,sys_id,nonsense^name=Ben^ENDSUBQUERY^priority=1')).toBe('12');
  });

  it('names the columns of the related table too', () => {
    const query = 'RLQUERYincident.parent,>=1^severity=1^ENDRLQUERY';
    const { columns } = compileQuery(schema, 'task', query, sampleContext);
    expect(columns).toEqual([
      { table: 'incident', name: 'parent' },
      { table: 'incident', name: 'severity' },
    ]);
  });
});

describe('text search', () => {
  it('finds rows that hold every word somewhere in their text', () => {
    expect(ids('123TEXTQUERY321=Cellar')).toBe('14');
    expect(ids('123TEXTQUERY321=cellar cut')).toBe('1');
    expect(ids('123TEXTINDEXGROUP321=portal^priority=1')).toBe('12');
  });
});

describe('a name within a name', () => {
  it('reads the longest column that leaves an operator', () => {
    const odd = sampleSchema();
    odd.add({
      name: 'odd',
      label: 'Odd',
      columns: ['sys_id', 'u_p', 'u_pIN', 'u_pINx'].map((name) => ({
        name,
        label: name,
        kind: 'string' as const,
        maxLength: 40,
      })),
    });
    const rows = sampleDatabase(odd, {
      odd: [
        { sys_id: '1', u_p: 'x', u_pIN: 'y' },
        { sys_id: '2', u_p: 'xx', u_pIN: 'x' },
      ],
    });
    const found = (query: string) => find(rows, odd, 'odd', query).join('');
    expect(found('u_pIN=y')).toBe('1');
    expect(found('u_pINx')).toBe('1');
    expect(found('u_pINxx,z')).toBe('2');
    expect(found('u_pINxISEMPTY')).toBe('12');
  });
});
