import { expect, it } from 'vitest';
import { startBothWays } from './both-ways.ts';

const id = (letter: string) => letter.repeat(32);
const lost = { match: { method: 'POST', path: '/api/now/table/incident' }, count: 1 } as const;

it.each(['', 'incident'])(
  'a POST with its own sys_id makes one record in a table that ignores it, though the answer is lost (correlationIdTables: "%s")',
  async (tables) => {
    const { queue, incidents, post } = await startBothWays({
      environment: { CORRELATION_ID_TABLES: tables },
      instance: { switches: { ignoreGivenSysIdOn: ['incident'] } },
    });
    queue.instance.control.faults.add({ ...lost, action: 'reset-after-commit' });
    expect(await post({ sys_id: id('f'), urgency: '1' })).toMatchObject({
      statusCode: 504,
      headers: { 'x-error-code': 'OUTCOME_UNKNOWN' },
    });
    expect(incidents()).toHaveLength(1);
  },
);

it('a POST with its own sys_id is sent again where the table was seen to take it', async () => {
  const { queue, incidents, post } = await startBothWays();
  expect((await post({ sys_id: id('e') })).statusCode).toBe(201);
  queue.instance.control.faults.add({ ...lost, action: 'reset-before-commit' });
  expect((await post({ sys_id: id('f') })).statusCode).toBe(201);
  expect(incidents()).toHaveLength(2);
});
