import { expect, it } from 'vitest';
import { call, invoke, uniqueWord } from './running-stack.ts';

it('getAggregateRecord counts and groups what the instance holds, over HTTP and directly', async () => {
  const word = uniqueWord();
  for (const [urgency, reassignment_count] of [
    ['1', '2'],
    ['1', '4'],
    ['3', '6'],
  ]) {
    await call('POST', '/api/now/table/incident', { short_description: word, urgency, reassignment_count });
  }
  const query = `sysparm_query=short_description=${word}&sysparm_count=true&sysparm_avg_fields=reassignment_count`;
  const answer = await call('GET', `/api/now/stats/incident?${query}&sysparm_group_by=urgency`);
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({
    result: [
      {
        stats: { count: '2', avg: { reassignment_count: '3.0000' } },
        groupby_fields: [{ field: 'urgency', value: '1' }],
      },
      {
        stats: { count: '1', avg: { reassignment_count: '6.0000' } },
        groupby_fields: [{ field: 'urgency', value: '3' }],
      },
    ],
  });
  const { data } = await invoke('getAggregateRecord', {
    tableName: 'incident',
    sysparmQuery: `short_description=${word}`,
    sysparmCount: true,
    sysparmAvgFields: 'reassignment_count',
    sysparmGroupBy: 'urgency',
  });
  expect(data).toEqual(answer.body);
});
