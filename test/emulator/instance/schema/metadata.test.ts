import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';
import { create, list } from '../records.ts';

let instance: Instance;

beforeAll(async () => {
  instance = await startInstance({
    schema: {
      tables: [
        { name: 'u_rack', label: 'Rack', parent: 'cmdb_ci', columns: [{ name: 'u_units', kind: 'integer' }] },
        { name: 'incident', columns: [{ name: 'u_ticket', label: 'Outer ticket' }] },
      ],
    },
  });
});
afterAll(() => instance.close());

describe('the instance describes its own tables', () => {
  it('in sys_db_object, with the table that each extends', async () => {
    const [incident] = await list(
      instance,
      '/api/now/table/sys_db_object?name=incident&sysparm_fields=name,label,super_class.name',
    );
    expect(incident).toEqual({ name: 'incident', label: 'Incident', 'super_class.name': 'task' });
  });

  it('in sys_dictionary, each column under the table that defines it', async () => {
    const fields = 'sysparm_fields=element,internal_type,reference,max_length';
    const named = (table: string) => list(instance, `/api/now/table/sys_dictionary?name=${table}&${fields}`);
    const incident = await named('incident');
    expect(incident).toContainEqual({
      element: 'caller_id',
      internal_type: {
        link: `${instance.url}/api/now/table/sys_glide_object?name=reference`,
        value: 'reference',
      },
      reference: { link: `${instance.url}/api/now/table/sys_db_object?name=sys_user`, value: 'sys_user' },
      max_length: '32',
    });
    const elements = incident.map((entry) => entry['element']);
    expect(elements).toContain('');
    expect(elements).not.toContain('short_description');
    expect((await named('task')).map((entry) => entry['element'])).toContain('short_description');
  });

  it('in sys_choice, value and label in order', async () => {
    const choices = await list(
      instance,
      '/api/now/table/sys_choice?sysparm_query=name=incident^element=state^ORDERBYsequence&sysparm_fields=value,label',
    );
    expect(choices.slice(0, 2)).toEqual([
      { value: '1', label: 'New' },
      { value: '2', label: 'In Progress' },
    ]);
  });

  it('in sys_choice, which decides what a column takes and shows from then on', async () => {
    const own = await startInstance();
    const categoryOf = async (value: string) =>
      (await create(own, 'incident', { category: value }, '?sysparm_display_value=true'))['category'];
    const before = await categoryOf('gardening');
    const added = await create(own, 'sys_choice', {
      name: 'incident',
      element: 'category',
      value: 'gardening',
      label: 'Gardening',
    });
    const after = await categoryOf('gardening');
    const path = `/api/now/table/sys_choice/${added.sys_id}`;
    await call(own, 'PATCH', path, { json: { label: 'Garden' } });
    const renamed = await categoryOf('gardening');
    await call(own, 'DELETE', path);
    const removed = await categoryOf('gardening');
    await own.close();
    expect([before, after, renamed, removed]).toEqual([null, 'Gardening', 'Garden', null]);
  });

  it('with the tables and columns of a schema file', async () => {
    const rack = await create(instance, 'u_rack', { name: 'R1', u_units: '42' });
    const incident = await create(instance, 'incident', { u_ticket: 'T-1' });
    expect([rack['u_units'], incident['u_ticket']]).toEqual(['42', 'T-1']);
    const [column] = await list(instance, '/api/now/table/sys_dictionary?name=incident&element=u_ticket');
    expect(column?.['column_label']).toBe('Outer ticket');
  });
});

describe('a parent table', () => {
  it('gives the rows of its children with its own columns only', async () => {
    const rack = await create(instance, 'u_rack', { name: 'R2', u_units: '1' });
    const [asParent] = await list(instance, `/api/now/table/cmdb_ci?sys_id=${rack.sys_id}`);
    expect(asParent).toMatchObject({ name: 'R2', sys_class_name: 'u_rack' });
    expect(asParent).not.toHaveProperty('u_units');
    expect(await list(instance, `/api/now/table/cmdb_ci_computer?sys_id=${rack.sys_id}`)).toEqual([]);
  });

  it('shows the label of the real class as display value', async () => {
    const [ci] = await list(
      instance,
      '/api/now/table/cmdb_ci?sysparm_query=sys_class_name=cmdb_ci_server&sysparm_limit=1&sysparm_display_value=true&sysparm_fields=sys_class_name',
    );
    expect(ci).toEqual({ sys_class_name: 'Server' });
  });
});

describe('demo rows', () => {
  it('are the same, with the same sys_ids, on every instance', async () => {
    const other = await startInstance();
    const query =
      '/api/now/table/task?sysparm_fields=sys_id,number,short_description,assigned_to&sysparm_exclude_reference_link=true';
    const [here, there] = [
      await list(instance, `${query}&sysparm_query=numberSTARTSWITHINC00000`),
      await list(other, `${query}&sysparm_query=numberSTARTSWITHINC00000`),
    ];
    await other.close();
    expect(here).toHaveLength(60);
    expect(here).toEqual(there);
  });

  it('refer only to rows that exist', async () => {
    const store = instance.state.store;
    const dangling = store.schema.tables().flatMap((table) =>
      store.schema
        .columns(table.name)
        .filter((column) => column.kind === 'reference' && column.name !== 'sys_domain')
        .flatMap((column) =>
          store
            .select(table.name, { where: `t0."${column.name}" IS NOT NULL` })
            .filter(
              (row) =>
                store.findBy(
                  column.reference ?? '',
                  column.referenceKey ?? 'sys_id',
                  row[column.name] ?? '',
                ) === undefined,
            )
            .map((row) => `${table.name}.${column.name} of ${row['sys_id']}`),
        ),
    );
    expect(dangling).toEqual([]);
  });
});
