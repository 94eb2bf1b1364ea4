import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getAggregateRecord } from '../../lib/operations/table.ts';
import { type EmulatedDeployment, startDeployment } from './emulated.ts';

let deployment: EmulatedDeployment;
beforeAll(async () => {
  deployment = await startDeployment();
  const { store } = deployment.instance.state;
  for (const { sys_id } of store.select('problem')) store.remove('problem', String(sys_id));
  for (const [index, impact] of ['1', '1', '3'].entries()) {
    store.seed('problem', { impact, reassignment_count: String(index), short_description: 'p3' });
  }
});
afterAll(() => deployment.close());

describe('getAggregateRecord', () => {
  it('counts and averages over HTTP', async () => {
    const url =
      '/api/now/stats/problem?sysparm_count=true&sysparm_avg_fields=reassignment_count&short_description=p3';
    expect(await deployment.serve(getAggregateRecord).http({ url })).toMatchObject({
      statusCode: 200,
      body: { result: { stats: { count: '3', avg: { reassignment_count: '1.0000' } } } },
    });
  });

  it('groups, filters groups and sorts them in a direct Invoke', async () => {
    const event = {
      tableName: 'problem',
      sysparmQuery: 'short_description=p3',
      sysparmCount: true,
      sysparmGroupBy: 'impact',
      sysparmHaving: 'count^impact^>^1',
      sysparmDisplayValue: 'all',
    };
    expect(await deployment.serve(getAggregateRecord).invoke(event)).toEqual({
      result: [
        {
          stats: { count: '2' },
          groupby_fields: [{ field: 'impact', value: '1', display_value: '1 - High' }],
        },
      ],
    });
  });

  it('ignores pairs that are given with an encoded query, as an instance does, and reports them', async () => {
    const url = '/api/now/stats/problem?sysparm_count=true&sysparm_query=short_description%3Dp3&impact=1';
    const answer = await deployment.serve(getAggregateRecord).http({ url });
    expect(answer).toMatchObject({ statusCode: 200, headers: { 'x-ignored-parameters': 'impact' } });
    const all = await deployment.serve(getAggregateRecord).http({ url: url.replace('&impact=1', '') });
    expect(answer.body).toEqual(all.body);
    expect(all.headers).not.toHaveProperty('x-ignored-parameters');
  });
});
