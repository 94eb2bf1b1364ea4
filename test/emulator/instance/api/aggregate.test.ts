import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type Instance, startInstance } from '../../../../emulator/instance/index.ts';
import { call } from '../caller.ts';

let instance: Instance;

beforeAll(async () => {
  instance = await startInstance({ demoData: false });
  const { store } = instance.state;
  store.seed('sys_user_group', { sys_id: 'g1', name: 'Network' });
  const rows = [
    {
      state: '1',
      priority: '1',
      category: 'network',
      assignment_group: 'g1',
      business_duration: '1970-01-01 01:00:00',
    },
    {
      state: '1',
      priority: '2',
      category: 'Network',
      assignment_group: 'g1',
      business_duration: '1970-01-01 02:00:00',
    },
    { state: '2', priority: '2', category: 'software', reassignment_count: '7' },
    { state: '2', priority: '', category: 'software', short_description: 'b' },
    { state: '2', priority: '4', category: '', short_description: 'a' },
  ];
  for (const row of rows) store.seed('incident', { reassignment_count: '0', ...row });
});

afterAll(() => instance.close());

async function stats(query: Record<string, string>): Promise<unknown> {
  const { status, json } = await call(
    instance,
    'GET',
    `/api/now/stats/incident?${new URLSearchParams(query)}`,
  );
  expect(status).toBe(200);
  return json;
}

const groups = z.object({
  result: z.array(z.object({ stats: z.unknown(), groupby_fields: z.array(z.object({ value: z.string() })) })),
});

/** The value of each group's first field, in order. */
async function firstValues(query: Record<string, string>): Promise<(string | undefined)[]> {
  return groups.parse(await stats(query)).result.map((group) => group.groupby_fields[0]?.value);
}

const grouped = { sysparm_count: 'true', sysparm_group_by: 'state' };

describe('over all rows', () => {
  it('counts, as text', async () => {
    expect(await stats({ sysparm_count: 'true' })).toEqual({ result: { stats: { count: '5' } } });
    expect(await stats({ sysparm_count: 'true', sysparm_query: 'number=none' })).toEqual({
      result: { stats: { count: '0' } },
    });
  });

  it('counts for a client in Python too, which writes True', async () => {
    expect(await stats({ sysparm_count: 'True' })).toEqual(await stats({ sysparm_count: 'true' }));
  });

  it('computes nothing that was not asked for', async () => {
    expect(await stats({})).toEqual({ result: { stats: {} } });
    expect(await stats({ sysparm_sum_fields: 'nonsense,short_description' })).toEqual({
      result: { stats: {} },
    });
  });

  it('gives averages with four decimals and leaves empty columns out of them', async () => {
    const asked = { sysparm_avg_fields: 'priority,reassignment_count', sysparm_sum_fields: 'priority' };
    expect(
      await stats({
        ...asked,
        sysparm_min_fields: 'priority',
        sysparm_max_fields: 'priority,short_description',
      }),
    ).toEqual({
      result: {
        stats: {
          min: { priority: '1' },
          max: { priority: '4', short_description: 'b' },
          avg: { priority: '2.2500', reassignment_count: '1.4000' },
          sum: { priority: '9' },
        },
      },
    });
  });

  it('gives an empty value for what no row has', async () => {
    expect(await stats({ sysparm_avg_fields: 'priority', sysparm_query: 'number=none' })).toEqual({
      result: { stats: { avg: { priority: '' } } },
    });
  });

  it('adds up durations as durations', async () => {
    const asked = { sysparm_sum_fields: 'business_duration', sysparm_avg_fields: 'business_duration' };
    expect(await stats(asked)).toEqual({
      result: {
        stats: {
          sum: { business_duration: '1970-01-01 03:00:00' },
          avg: { business_duration: '1970-01-01 01:30:00' },
        },
      },
    });
  });

  it('filters by query and by field=value', async () => {
    expect(await stats({ sysparm_count: 'true', sysparm_query: 'state=1' })).toEqual({
      result: { stats: { count: '2' } },
    });
    expect(await stats({ sysparm_count: 'true', state: '2' })).toEqual({ result: { stats: { count: '3' } } });
  });

  it('counts a parent table with the classes below it, and no others', async () => {
    const { json } = await call(instance, 'GET', '/api/now/stats/problem?sysparm_count=true');
    const { json: all } = await call(
      instance,
      'GET',
      '/api/now/v1/stats/task?sysparm_count=true&sysparm_query=sys_class_name=incident',
    );
    expect([json, all]).toEqual([
      { result: { stats: { count: '0' } } },
      { result: { stats: { count: '5' } } },
    ]);
  });
});

describe('by groups', () => {
  it('gives one entry per value, with the stats of its rows', async () => {
    expect(await stats({ ...grouped, sysparm_avg_fields: 'priority' })).toEqual({
      result: [
        {
          stats: { count: '2', avg: { priority: '1.5000' } },
          groupby_fields: [{ field: 'state', value: '1' }],
        },
        {
          stats: { count: '3', avg: { priority: '3.0000' } },
          groupby_fields: [{ field: 'state', value: '2' }],
        },
      ],
    });
  });

  it('groups by several fields, dot-walked ones and ^GROUPBY of the query included', async () => {
    const asked = { sysparm_count: 'true', sysparm_group_by: 'state,assignment_group.name' };
    const result = [
      {
        stats: { count: '2' },
        groupby_fields: [
          { field: 'state', value: '1' },
          { field: 'assignment_group.name', value: 'Network' },
        ],
      },
      {
        stats: { count: '3' },
        groupby_fields: [
          { field: 'state', value: '2' },
          { field: 'assignment_group.name', value: '' },
        ],
      },
    ];
    expect(await stats(asked)).toEqual({ result });
    expect(
      await stats({ sysparm_count: 'true', sysparm_query: 'GROUPBYstate^GROUPBYassignment_group.name' }),
    ).toEqual({ result });
  });

  it('shows labels in place of values, or next to them', async () => {
    const one = { ...grouped, sysparm_query: 'state=1', sysparm_group_by: 'state,assignment_group' };
    const groups = async (mode: string) =>
      JSON.stringify(await stats({ ...one, sysparm_display_value: mode }));
    expect(await groups('true')).toContain(
      '[{"field":"state","value":"New"},{"field":"assignment_group","value":"Network"}]',
    );
    expect(await groups('all')).toContain('{"field":"state","display_value":"New","value":"1"}');
    expect(await groups('false')).toContain('{"field":"assignment_group","value":"g1"}');
  });

  it('takes text that differs in case alone for one group', async () => {
    const { result } = groups.parse(await stats({ sysparm_count: 'true', sysparm_group_by: 'category' }));
    expect(result.map((group) => group.stats)).toEqual([{ count: '1' }, { count: '2' }, { count: '2' }]);
  });

  it.each([
    ['COUNT^DESC', ['2', '1']],
    ['COUNT', ['1', '2']],
    ['state^DESC', ['2', '1']],
    ['AVG^priority', ['1', '2']],
    ['AVG^priority^DESC', ['2', '1']],
    ['MAX^short_description^DESC', ['2', '1']],
    ['nonsense', ['1', '2']],
  ])('orders groups by %s', async (order, values) => {
    expect(await firstValues({ ...grouped, sysparm_order_by: order })).toEqual(values);
  });

  it.each([
    ['count^state^>^2', ['2']],
    ['COUNT^state^<=^2', ['1']],
    ['avg^priority^>=^3', ['2']],
    ['count^state^>^1,sum^priority^=^3', ['1']],
    ['count^state^>^9', []],
    ['count^state^~^9', ['1', '2']],
  ])('keeps the groups that have %s', async (having, values) => {
    expect(await firstValues({ ...grouped, sysparm_having: having })).toEqual(values);
  });
});

describe('refusals', () => {
  it('knows no unknown table and nothing but GET', async () => {
    const unknown = await call(instance, 'GET', '/api/now/stats/nonsense?sysparm_count=true');
    expect([unknown.status, unknown.json]).toEqual([
      400,
      { error: { message: 'Invalid table nonsense', detail: null }, status: 'failure' },
    ]);
    expect((await call(instance, 'POST', '/api/now/stats/incident', { json: {} })).status).toBe(405);
  });
});
