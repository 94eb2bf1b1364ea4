import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Instance, startInstance } from '../../../emulator/instance/index.ts';
import { call } from './caller.ts';
import { create, list, recordIn } from './records.ts';

let instance: Instance;

beforeAll(async () => {
  instance = await startInstance({
    demoData: false,
    accounts: [
      { userName: 'agent', password: 'a', roles: ['itil'] },
      { userName: 'manager', password: 'm', roles: ['itil', 'itil_admin'] },
      { userName: 'reporter', password: 'r', roles: ['reporter'] },
    ],
  });
});
afterAll(() => instance.close());
beforeEach(() => instance.control.reset());

const send = (method: string, path: string, json?: unknown, as?: string) =>
  call(instance, method, `/api/now/table/${path}`, { json, ...(as !== undefined && { as }) });
const patch = async (table: string, sysId: string, json: unknown, as?: string) => {
  const reply = await send('PATCH', `${table}/${sysId}`, json, as);
  return { status: reply.status, text: reply.text, record: reply.status === 200 ? recordIn(reply) : {} };
};
const closing = { close_code: 'User error', close_notes: 'done' };

describe('priority', () => {
  it.each([
    ['1', '1', '1'],
    ['1', '2', '2'],
    ['1', '3', '3'],
    ['2', '1', '2'],
    ['2', '2', '3'],
    ['2', '3', '4'],
    ['3', '1', '3'],
    ['3', '2', '4'],
    ['3', '3', '5'],
  ])('of impact %s and urgency %s is %s, whatever the caller says', async (impact, urgency, priority) => {
    const created = await create(instance, 'incident', { impact, urgency, priority: '1' });
    expect(created['priority']).toBe(priority);
    const again = await patch('incident', created.sys_id, { priority: priority === '1' ? '2' : '1' });
    expect([again.record['priority'], again.record['sys_mod_count']]).toEqual([priority, '0']);
  });

  it('follows an update of either, and can be left to the caller by switch', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    expect((await patch('incident', sys_id, { urgency: '1' })).record['priority']).toBe('3');
    instance.control.change({ priorityLookup: false });
    expect((await patch('incident', sys_id, { urgency: '3', priority: '1' })).record['priority']).toBe('1');
  });

  it('is 4 for changes and their tasks, which have no lookup', async () => {
    const change = await create(instance, 'change_request', { impact: '1', urgency: '1' });
    const task = await create(instance, 'change_task', { change_request: change.sys_id });
    expect([change['priority'], change['risk'], change['type'], task['priority']]).toEqual([
      '4',
      '',
      'normal',
      '4',
    ]);
    expect(task['parent']).toMatchObject({ value: change.sys_id });
  });
});

describe('a user', () => {
  it('has a name made of its parts, on insert and on update', async () => {
    const { sys_id, ...user } = await create(instance, 'sys_user', {
      user_name: 'x',
      first_name: 'Ann',
      middle_name: 'B.',
      last_name: 'Cole',
      name: 'Another Name',
    });
    expect(user['name']).toBe('Ann B. Cole');
    expect((await patch('sys_user', sys_id, { last_name: 'Dee', middle_name: '' })).record['name']).toBe(
      'Ann Dee',
    );
  });

  it('logs in with a password that was written as a display value, and with no other', async () => {
    const names = { user_name: 'bob', last_name: 'Bob' };
    const { sys_id } = await create(instance, 'sys_user', { ...names, user_password: 'ignored' });
    await send('POST', 'sys_user_has_role', { user: sys_id, role: '282bf1fac6112285017366cb5f867469' });
    const logIn = async (password: string) =>
      (await send('GET', 'incident?sysparm_limit=1', undefined, `bob:${password}`)).status;
    expect(await logIn('ignored')).toBe(401);
    await send('PATCH', `sys_user/${sys_id}?sysparm_input_display_value=true`, { user_password: 'taken' });
    expect([await logIn('taken'), await logIn('ignored')]).toEqual([200, 401]);
    const shown = recordIn(await send('GET', `sys_user/${sys_id}?sysparm_display_value=true`));
    expect(shown['user_password']).toBe('********');
  });

  it('is linked to its domain even without reference links', async () => {
    const path =
      'sys_user?sysparm_exclude_reference_link=true&sysparm_fields=sys_domain,department&sysparm_limit=1';
    const domain = { link: `${instance.url}/api/now/table/sys_user_group/global`, value: 'global' };
    expect(await list(instance, `/api/now/table/${path}`)).toEqual([
      { sys_domain: domain, department: expect.any(String) },
    ]);
    const named = await list(instance, `/api/now/table/${path}&sysparm_display_value=true`);
    expect(named[0]?.['sys_domain']).toEqual({ display_value: 'global', link: domain.link });
  });
});

describe('rows of the base system', () => {
  it('have the sys_ids that they have on every instance: the user admin and its role', async () => {
    const admin = recordIn(await send('GET', 'sys_user/6816f79cc0a8016401c5a33be04be441'));
    expect([admin['user_name'], admin['name']]).toEqual(['admin', 'System Administrator']);
    expect(recordIn(await send('GET', 'sys_user_role/2831a114c611228501d4ea6c309d626d'))['name']).toBe(
      'admin',
    );
    const as = `admin:${instance.password}`;
    expect((await send('POST', 'incident', {}, as)).status).toBe(201);
  });

  it('are changed by rows of a data file, the sys_id with every reference to it', async () => {
    const own = await startInstance({
      demoData: false,
      data: {
        sys_user: [
          { user_name: 'admin', user_password: 'mine', sys_id: '0'.repeat(32), email: 'me@example.com' },
        ],
        sys_user_role: [{ sys_id: '282bf1fac6112285017366cb5f867469', description: 'Changed' }],
      },
    });
    const as = 'admin:mine';
    const user = recordIn(await call(own, 'GET', `/api/now/table/sys_user/${'0'.repeat(32)}`, { as }));
    const role = await call(own, 'GET', '/api/now/table/sys_user_role/282bf1fac6112285017366cb5f867469', {
      as,
    });
    await own.close();
    expect([user['email'], user['name']]).toEqual(['me@example.com', 'System Administrator']);
    expect(recordIn(role)).toMatchObject({ name: 'itil', description: 'Changed' });
  });

  it('refuse a business rule with a script by its name, in a data file and over REST', async () => {
    const rule = { name: 'Escalate', collection: 'incident', script: 'current.urgency = 1;' };
    await expect(startInstance({ data: { sys_script: [rule] } })).rejects.toThrow(
      "data: sys_script[0]: Business rule 'Escalate' has a script",
    );
    const reply = await send('POST', 'sys_script', rule);
    expect([reply.status, reply.text]).toEqual([403, expect.stringContaining("Business rule 'Escalate'")]);
  });

  it('include business rules that abort what their filter matches', async () => {
    await create(instance, 'sys_script', {
      name: 'No EICAR',
      collection: 'problem',
      when: 'before',
      action_insert: 'true',
      action_update: 'true',
      abort_action: 'true',
      filter_condition: 'short_descriptionLIKEEICAR^ORdescriptionLIKEEICAR^EQ',
    });
    const { sys_id } = await create(instance, 'problem', { short_description: 'fine' });
    const refused = await patch('problem', sys_id, { short_description: 'an EICAR file' });
    expect([refused.status, refused.text]).toEqual([
      403,
      expect.stringContaining("Business Rule 'No EICAR^"),
    ]);
    expect((await send('POST', 'problem', { description: 'eicar' })).status).toBe(403);
    expect(instance.state.store.select('problem')).toMatchObject([{ short_description: 'fine' }]);
  });
});

describe('a task', () => {
  it.each([
    ['task', '3', '1'],
    ['sc_task', '4', '2'],
    ['sc_req_item', '7', '1'],
    ['change_task', '3', '2'],
    ['problem_task', '157', '154'],
    ['sn_si_incident', '7', '16'],
  ])(
    'of %s that ends by state %s is inactive and says when, until it is open again',
    async (table, closed, open) => {
      const task = await create(instance, table, {});
      const ended = await patch(table, task.sys_id, { state: closed });
      expect(ended.record).toMatchObject({ state: closed, active: 'false' });
      expect(ended.record['closed_at']).not.toBe('');
      expect((await patch(table, task.sys_id, { state: open })).record['active']).toBe('true');
    },
  );

  it('of an incident is not ended by the states of other tasks, nor a problem task by theirs', async () => {
    for (const table of ['incident', 'problem_task'])
      expect((await create(instance, table, { state: '3' }))['active']).toBe('true');
    expect((await create(instance, 'problem_task', {}))['state']).toBe('151');
  });
});

describe('a security incident', () => {
  it('begins as a draft, stays active in review, and is closed with a code and notes only', async () => {
    const made = await create(instance, 'sn_si_incident', { short_description: 'phishing' });
    expect(made).toMatchObject({ state: '10', active: 'true', number: expect.stringMatching(/^SIR\d{7}$/) });
    const reviewed = await patch('sn_si_incident', made.sys_id, { state: '100' });
    expect(reviewed.record).toMatchObject({ state: '100', active: 'true' });
    expect((await send('PATCH', `sn_si_incident/${made.sys_id}`, { state: '3' })).status).toBe(403);
    const closing = { state: '3', close_code: 'Threat mitigated', close_notes: 'gone' };
    const closed = await patch('sn_si_incident', made.sys_id, closing);
    expect(closed.record).toMatchObject({ state: '3', active: 'false' });
  });
});

describe('choice lists', () => {
  it('are those of a current release, and unknown integers are kept', async () => {
    const problem = await create(instance, 'problem', {}, '?sysparm_display_value=true');
    expect([problem['state'], problem['problem_state']]).toEqual(['New', 'New']);
    const item = await create(
      instance,
      'cmdb_ci',
      { operational_status: '5', install_status: '0' },
      '?sysparm_display_value=true',
    );
    expect([item['operational_status'], item['install_status']]).toEqual(['Ready', 'Implementing']);
    const odd = await create(instance, 'cmdb_ci', { operational_status: '77', install_status: 'none' });
    expect([odd['operational_status'], odd['install_status']]).toEqual(['77', '']);
    const shown = await create(
      instance,
      'cmdb_ci',
      { operational_status: '78' },
      '?sysparm_input_display_value=true&sysparm_display_value=true',
    );
    expect(shown['operational_status']).toBe('78');
  });

  it('show an empty choice of text as null and an empty integer as nothing', async () => {
    const { sys_id } = await create(instance, 'incident', { impact: '' });
    const shown = recordIn(
      await send('GET', `incident/${sys_id}?sysparm_display_value=all&sysparm_fields=impact,close_code`),
    );
    expect(shown).toEqual({
      impact: { display_value: '', value: '' },
      close_code: { display_value: null, value: '' },
    });
  });
});

describe('columns', () => {
  it.each([
    [
      'change_request',
      [
        'chg_model',
        'close_code',
        'test_plan',
        'on_hold',
        'std_change_producer_version',
        'phase',
        'conflict_status',
        'copied_from',
        'review_status',
        'reason',
      ],
    ],
    [
      'problem',
      [
        'resolution_code',
        'duplicate_of',
        'workaround',
        'subcategory',
        'resolved_at',
        'fix_by',
        'confirmed_at',
        'first_reported_by_task',
        'prb_model',
        'primary_known_error_article',
      ],
    ],
    ['change_task', ['change_task_type', 'close_code', 'on_hold', 'on_hold_reason', 'created_from']],
    ['sys_user', ['fax', 'identity_type', 'sys_class_name']],
    [
      'sysapproval_approver',
      ['approver', 'sysapproval', 'document_id', 'source_table', 'iteration', 'group'],
    ],
    [
      'kb_knowledge',
      ['kb_knowledge_base', 'kb_category', 'valid_to', 'latest', 'article_type', 'base_version'],
    ],
    [
      'sc_cat_item',
      ['price', 'recurring_price', 'no_cart_v2', 'delivery_time', 'sys_scope', 'sys_class_name'],
    ],
    ['sc_req_item', ['price', 'quantity', 'flow_context', 'backordered', 'estimated_delivery']],
  ])('of a full %s record include those that were recorded', async (table, columns) => {
    const record = await create(instance, table, { last_name: 'x', user_name: 'recorded' });
    expect(Object.keys(record)).toEqual(expect.arrayContaining(columns));
  });

  it('that refer to other tables are references', async () => {
    const of = (table: string, names: readonly string[]) =>
      names.map((name) => instance.state.schema.column(table, name)?.reference);
    expect(of('sys_user', ['cost_center', 'default_perspective'])).toEqual([
      'cmn_cost_center',
      'sys_perspective',
    ]);
    expect(of('cmdb_ci_server', ['asset', 'model_id', 'cost_center', 'maintenance_schedule'])).toEqual([
      'alm_asset',
      'cmdb_model',
      'cmn_cost_center',
      'cmn_schedule',
    ]);
    expect(of('incident', ['business_service'])).toEqual(['cmdb_ci_service']);
  });

  it('say whether a virtual machine is on by a choice, and what it runs', async () => {
    const machine = { name: 'vm', state: 'on', guest_os_fullname: 'Debian' };
    const shown = await create(instance, 'cmdb_ci_vm_instance', machine, '?sysparm_display_value=true');
    expect(shown).toMatchObject({ state: 'On', guest_os_fullname: 'Debian' });
  });

  it('task_effective_number follows the number, and some empty ones are null', async () => {
    const incident = await create(instance, 'incident', { number: 'ABC1' });
    expect(incident['task_effective_number']).toBe('ABC1');
    const article = await create(instance, 'kb_knowledge', {});
    const listed = await list(instance, '/api/now/table/kb_knowledge?sysparm_fields=wiki,text');
    expect([article['wiki'], article['text'], listed]).toEqual([null, '', [{ wiki: null, text: '' }]]);
    const shown = await list(
      instance,
      '/api/now/table/kb_knowledge?sysparm_fields=wiki,text&sysparm_display_value=true',
    );
    expect(shown).toEqual([{ wiki: '', text: null }]);
  });

  it('say of a table which application it is of and what others may do with it', async () => {
    const [table] = await list(instance, '/api/now/table/sys_db_object?name=incident');
    expect(table).toMatchObject({
      sys_scope: { link: `${instance.url}/api/now/table/sys_scope/global`, value: 'global' },
      create_access: 'true',
      delete_access: 'false',
      number_ref: '',
      sys_class_path: '',
    });
    expect(table).not.toHaveProperty('sys_tags');
  });

  it('number a business service, with the columns of its portfolio', async () => {
    expect(await create(instance, 'cmdb_ci_service_business', { name: 'Payroll' })).toMatchObject({
      number: expect.stringMatching(/^BSN\d{7}$/),
      service_status: 'requirements',
      stakeholders: '',
      spm_taxonomy_node: '',
    });
  });

  it('keep an object as Java prints a map, cut at the length of the column', async () => {
    const caller = { link: 'https://dev1.service-now.com/api/now/table/sys_user/abc', value: 'abc' };
    const record = await create(instance, 'incident', { caller_id: caller, description: { a: 1, b: ['x'] } });
    const cut = '{link=https://dev1.service-now.c';
    expect(record['description']).toBe('{a=1, b=[x]}');
    expect(record['caller_id']).toEqual({
      link: `${instance.url}/api/now/table/sys_user/${cut}`,
      value: cut,
    });
    expect(await list(instance, '/api/now/table/incident?sysparm_fields=caller_id')).toEqual([
      { caller_id: record['caller_id'] },
    ]);
  });

  it('count UTF-16 code units, and never keep half of a pair', async () => {
    const record = await create(instance, 'incident', {
      short_description: `${'x'.repeat(159)}😀`,
      correlation_id: '😀'.repeat(60),
    });
    expect(record['short_description']).toBe('x'.repeat(159));
    expect(record['correlation_id']).toBe('😀'.repeat(50));
  });
});

describe('the life of an incident', () => {
  it('says when and by whom it was resolved and closed, and ends it', async () => {
    instance.control.clock.freeze();
    await instance.control.clock.set(Date.UTC(2026, 0, 5, 8));
    const { sys_id } = await create(instance, 'incident', {});
    const resolved = await patch('incident', sys_id, { state: '6', ...closing }, 'manager:m');
    expect(resolved.record).toMatchObject({
      incident_state: '6',
      active: 'true',
      resolved_at: '2026-01-05 08:00:00',
    });
    const closed = await patch('incident', sys_id, { state: '7' }, 'manager:m');
    expect(closed.record).toMatchObject({
      active: 'false',
      closed_at: '2026-01-05 08:00:00',
      closed_by: { value: instance.control.auth.directory.find('manager')?.sysId },
    });
  });

  it('wants the close fields when it is resolved, unless the policy is off', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    const refused = await patch('incident', sys_id, { state: '6' });
    expect([refused.status, refused.text]).toEqual([
      403,
      expect.stringContaining(
        'Data Policy Exception: The following fields are mandatory: Resolution code, Resolution notes',
      ),
    ]);
    instance.control.change({ incidentClosePolicy: false });
    expect((await patch('incident', sys_id, { state: '6' })).status).toBe(200);
  });

  it('counts how often a resolved one is reopened', async () => {
    const { sys_id } = await create(instance, 'incident', { state: '6', ...closing });
    for (const count of ['1', '2']) {
      const reopened = await patch('incident', sys_id, { state: '2' }, 'agent:a');
      expect(reopened.record).toMatchObject({ reopen_count: count, active: 'true', resolved_at: '' });
      expect(reopened.record['reopened_time']).not.toBe('');
      await patch('incident', sys_id, { state: '6' }, 'agent:a');
    }
  });

  it('is resolved by itil, closed by itil_admin, and changed no more by anyone but an admin', async () => {
    const { sys_id } = await create(instance, 'incident', closing);
    const statuses = [
      (await patch('incident', sys_id, { state: '6' }, 'reporter:r')).status,
      (await patch('incident', sys_id, { state: '6' }, 'agent:a')).status,
      (await patch('incident', sys_id, { state: '7' }, 'agent:a')).status,
      (await patch('incident', sys_id, { state: '7' }, 'manager:m')).status,
      (await patch('incident', sys_id, { state: '2' }, 'manager:m')).status,
      (await patch('incident', sys_id, { work_notes: 'noted' }, 'agent:a')).status,
      (await patch('incident', sys_id, { state: '2' })).status,
    ];
    expect(statuses).toEqual([403, 200, 403, 200, 403, 200, 200]);
    expect(instance.state.store.select('sys_journal_field')).toMatchObject([{ value: 'noted' }]);
  });

  it('lets anyone close and reopen when the switch says so', async () => {
    instance.control.change({ incidentRolesEnforced: false });
    const { sys_id } = await create(instance, 'incident', closing);
    expect((await patch('incident', sys_id, { state: '7' }, 'reporter:r')).status).toBe(200);
    expect((await patch('incident', sys_id, { state: '1' }, 'reporter:r')).record).toMatchObject({
      reopen_count: '1',
    });
  });

  it('keeps a closed one closed for administrators too, when the switch says so', async () => {
    const { sys_id } = await create(instance, 'incident', closing);
    await patch('incident', sys_id, { state: '7' });
    instance.control.change({ closedIncidentIsFinal: true });
    const refused = await patch('incident', sys_id, { incident_state: '2' });
    expect([refused.status, refused.text]).toEqual([
      403,
      expect.stringContaining('aborted by Business Rule'),
    ]);
    expect((await patch('incident', sys_id, { work_notes: 'still noted' })).status).toBe(200);
    instance.control.change({ closedIncidentIsFinal: false });
    expect((await patch('incident', sys_id, { state: '2' })).record).toMatchObject({ reopen_count: '1' });
  });

  it('obeys data policies that are added while it runs, and names their columns by label', async () => {
    instance.control.rules.add({
      table: 'incident',
      on: ['insert', 'update'],
      when: { state: ['6'] },
      action: 'require',
      columns: ['assignment_group', 'cmdb_ci'],
    });
    const { sys_id } = await create(instance, 'incident', closing);
    const refused = await patch('incident', sys_id, { state: '6', cmdb_ci: 'x' });
    expect([refused.status, refused.text]).toEqual([
      403,
      expect.stringContaining('Data Policy Exception: The following fields are mandatory: Assignment group'),
    ]);
    const resolved = await patch('incident', sys_id, { state: '6', cmdb_ci: 'x', assignment_group: 'g' });
    expect(resolved.record['state']).toBe('6');
    expect(() =>
      instance.control.rules.add({ table: 'incident', action: 'require', columns: ['nonsense'] }),
    ).toThrow('no column nonsense');
    expect(() => instance.control.rules.add({ table: 'incident', action: 'require' })).toThrow('columns');
  });

  it('can be written by incident_state as well', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    expect((await patch('incident', sys_id, { incident_state: '2' })).record['state']).toBe('2');
  });
});

describe('problems and changes', () => {
  it('follow the state model of problems', async () => {
    const { sys_id } = await create(instance, 'problem', { state: '102' });
    const refused = await patch('problem', sys_id, { state: '106' });
    expect([refused.status, refused.text]).toEqual([
      403,
      expect.stringContaining('Problem state transition from state 102 to 106 is not possible'),
    ]);
    await patch('problem', sys_id, { state: '103' });
    const closed = await patch('problem', sys_id, { state: '107' });
    expect(closed.record).toMatchObject({ active: 'false', problem_state: '107' });
    expect(closed.record['confirmed_at']).not.toBe('');
  });

  it('take a submitted request into process', async () => {
    const request = await create(instance, 'sc_request', { request_state: 'submitted' });
    expect(request['request_state']).toBe('in_process');
  });

  it('give a change its type by its model, and one without a model the normal one', async () => {
    const modelOf = async (values: object) => {
      const change = await create(instance, 'change_request', values, '?sysparm_display_value=true');
      return [change['type'], Object(change['chg_model']).display_value];
    };
    expect(await modelOf({})).toEqual(['Normal', 'Normal']);
    expect(await modelOf({ type: 'emergency' })).toEqual(['Normal', 'Normal']);
    expect(await modelOf({ chg_model: 'e55d0bfec343101035ae3f52c1d3ae49' })).toEqual([
      'Standard',
      'Standard',
    ]);
    expect(await modelOf({ chg_model: 'customers own', type: 'emergency' })).toEqual(['Emergency', '']);
    instance.control.change({ changeTypeCompatibility: true });
    expect(await modelOf({ type: 'emergency' })).toEqual(['Emergency', 'Emergency']);
  });

  it('give a standard change what its template says, where the caller is silent', async () => {
    instance.control.seed({
      std_change_record_producer: [
        { sys_id: 'producer', template: 'type=standard^description=From the template^risk=4^nonsense=1^EQ' },
      ],
      std_change_producer_version: [{ sys_id: 'version', name: 'V', std_change_producer: 'producer' }],
    });
    const change = await create(instance, 'change_request', {
      std_change_producer_version: 'version',
      chg_model: 'e55d0bfec343101035ae3f52c1d3ae49',
      risk: '2',
    });
    expect(change).toMatchObject({ description: 'From the template', risk: '2', type: 'standard' });
    expect(change).not.toHaveProperty('nonsense');
  });

  it('give a problem the general model', async () => {
    const problem = await create(instance, 'problem', {}, '?sysparm_display_value=true');
    expect(problem['prb_model']).toMatchObject({ display_value: 'General' });
  });
});

describe('requests that an instance takes', () => {
  it('a POST without a body makes a record of defaults', async () => {
    const reply = await call(instance, 'POST', '/api/now/table/incident');
    expect([reply.status, recordIn(reply)['state']]).toEqual([201, '1']);
  });

  it('parameters that it does not know, booleans in any case', async () => {
    await create(instance, 'incident', { number: 'A' });
    const reply = await send(
      'GET',
      'incident?sysparm_query=number=A&_=17&format=json&table_name=x&sysparm_display_value=TRUE&sysparm_exclude_reference_link=True',
    );
    expect(reply.json).toMatchObject({
      result: [{ number: 'A', state: 'New', opened_by: 'Integration User' }],
    });
  });

  it.each(['%20', "'", '%22', 'nonexistent%20sys%20ID', '%2F', '^'])(
    'a sys_id that is none: %s',
    async (id) => {
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        const reply = await send(method, `incident/${id}`, method === 'PATCH' ? {} : undefined);
        expect([reply.status, reply.json]).toMatchObject([404, { error: { message: 'No Record found' } }]);
      }
    },
  );

  it('a 401 bears no transaction id', async () => {
    const refused = await send('GET', 'incident', undefined, 'admin:wrong');
    expect([refused.status, refused.headers.get('x-transaction-id')]).toEqual([401, null]);
    expect(refused.headers.get('server-timing')).not.toContain('desc');
    expect((await send('GET', 'incident')).headers.get('x-transaction-id')).toMatch(/^[0-9a-f]{12}$/);
  });

  it('dateGenerate with one argument', async () => {
    await create(instance, 'incident', { opened_at: '2026-03-02 10:00:00' });
    await create(instance, 'incident', { opened_at: '2026-03-02 12:00:00' });
    const query = encodeURIComponent("opened_at>javascript:gs.dateGenerate('2026-03-02 11:00:00')");
    expect(await list(instance, `/api/now/table/incident?sysparm_query=${query}`)).toHaveLength(1);
  });

  it('a comment of an import row, kept before that of its state', async () => {
    const row = {
      name: 'pc',
      serial_number: 's',
      sys_import_state_comment: 'wwww',
      operating_system: 'Linux',
    };
    const post = () => call(instance, 'POST', '/api/now/import/imp_computer', { json: row });
    expect((await post()).json).toMatchObject({ result: [{ status: 'inserted', status_message: 'wwww' }] });
    expect((await post()).json).toMatchObject({
      result: [{ status: 'ignored', status_message: 'wwww;No field values changed' }],
    });
    expect(instance.state.store.select('cmdb_ci_computer')).toMatchObject([{ os: 'Linux' }]);
  });
});

describe('an attachment', () => {
  it('is changed by its scan, and its file says what it is', async () => {
    const { sys_id } = await create(instance, 'incident', {});
    const path = `/api/now/attachment/file?table_name=incident&table_sys_id=${sys_id}&file_name=a.json`;
    const headers = { 'Content-Type': 'application/json' };
    const uploaded = recordIn(await call(instance, 'POST', path, { body: '{"a":1}', headers }));
    expect([uploaded['state'], uploaded['sys_mod_count']]).toEqual(['pending', '0']);
    await instance.control.clock.advance(1);
    const meta = recordIn(await call(instance, 'GET', `/api/now/attachment/${uploaded['sys_id']}`));
    expect(meta).toMatchObject({ state: 'available', sys_mod_count: '1', sys_updated_by: 'system' });
    const file = await call(instance, 'GET', `/api/now/attachment/${uploaded['sys_id']}/file`);
    expect([file.text, file.headers.get('content-type')]).toEqual([
      '{"a":1}',
      'application/json;charset=UTF-8',
    ]);
    expect(JSON.parse(file.headers.get('x-attachment-metadata') ?? '')).not.toHaveProperty('download_link');
  });
});
