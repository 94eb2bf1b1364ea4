import { expect, it, onTestFinished } from 'vitest';
import type { InstanceOptions } from '../../emulator/instance/index.ts';
import { postRecord } from '../../lib/operations/table.ts';
import type { ServiceNowClient } from '../../lib/servicenow/call.ts';
import { UnknownOutcomeError } from '../../lib/servicenow/errors.ts';
import { startBothWays } from './both-ways.ts';
import { startDeployment } from './emulated.ts';

const dayMs = 86_400_000;
const byKey = { 'idempotency-key': 'k' };
const post = (table: string, body: object) => ({
  method: 'POST',
  url: `/api/now/table/${table}`,
  body: JSON.stringify(body),
  headers: byKey,
});

/** @param table whose sys_ids the instance chooses */
async function start(table: string, instance: InstanceOptions = {}, roles?: readonly string[]) {
  const switches = { ignoreGivenSysIdOn: [table], ...instance.switches };
  const deployment = await startDeployment({}, { ...instance, switches }, undefined, roles);
  onTestFinished(() => deployment.close());
  return deployment;
}

/** @returns the records of a table with the first of these columns */
async function postTwice(
  { serve, instance }: Awaited<ReturnType<typeof start>>,
  table: string,
  columns: Readonly<Record<string, string>>,
) {
  const first = await serve(postRecord).http(post(table, columns));
  const again = await serve(postRecord).http(post(table, columns));
  expect([first.statusCode, again.statusCode]).toEqual([201, 200]);
  expect(first.headers['idempotency-warning']).toContain('correlationIdTables');
  expect(again.headers['idempotency-replayed']).toBe('true');
  const [[column, value] = ['', '']] = Object.entries(columns);
  return (of: string) => instance.state.store.select(of).filter((row) => row[column] === value);
}

it('a POST under a key makes one record in a table without a correlation_id that ignores sys_ids', async () => {
  const made = await postTwice(await start('sys_user'), 'sys_user', { user_name: 'ada' });
  expect(made('sys_user')).toHaveLength(1);
});

it('a POST under a key makes one record where look-ups lag behind the insert', async () => {
  const lagging = { switches: { lookupLagMs: 5_000, lookupLagOnGet: true } };
  const made = await postTwice(await start('incident', lagging), 'incident', { short_description: 'one' });
  expect(made('incident')).toHaveLength(1);
});

it('a POST under a key makes one record that the user may not read', async () => {
  const deployment = await start('incident', { demoData: false }, ['itil']);
  const { access } = deployment.instance.state.auth;
  access.add({ table: 'incident', operation: 'read', where: { urgency: '9' } });
  const request = post('incident', { short_description: 'one' });
  const shown = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(asked, context) {
      const sys_id = () => String(deployment.instance.state.store.select('incident')[0]?.['sys_id']);
      if (asked.method !== 'POST') return client.send(asked, context);
      const answer = await client.send(asked, context).catch(() => undefined);
      return answer ?? { status: 201, headers: {}, body: { result: { sys_id: sys_id() } }, attempts: 1 };
    },
  });
  for (const statusCode of [201, 200])
    expect(await deployment.serve(postRecord, shown).http(request)).toMatchObject({ statusCode });
  expect(deployment.instance.state.store.select('incident')).toHaveLength(1);
});

it('a POST under a key makes one record where a rule leads each insert to another table', async () => {
  const deployment = await start('cmn_location');
  const rule = { table: 'incident', action: 'redirect', toTable: 'problem' } as const;
  deployment.instance.control.rules.add(rule);
  const made = await postTwice(deployment, 'incident', { short_description: 'one' });
  expect([...made('problem'), ...made('incident')]).toHaveLength(1);
});

it('a table counts as one that ignores sys_ids though the clock of its instance is behind', async () => {
  const behind = { now: () => Date.now() - 600_000 };
  const deployment = await start('incident', { clock: behind });
  const sent: string[][] = [];
  const dated = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(asked, context) {
      if (asked.method === 'POST') sent.push(Object.keys(Object(asked.body)));
      const answer = await client.send(asked, context);
      return { ...answer, headers: { ...answer.headers, date: new Date(behind.now()).toUTCString() } };
    },
  });
  const request = post('incident', { short_description: 'one' });
  for (const key of ['k', 'other']) {
    const one = { ...request, headers: { 'idempotency-key': key } };
    expect((await deployment.serve(postRecord, dated).http(one)).statusCode).toBe(201);
  }
  expect(sent).toEqual([['short_description', 'sys_id'], ['short_description']]);
});

it('a lost answer is not sent again in a table without a correlation_id that was seen to ignore sys_ids', async () => {
  const world = await startBothWays(
    { instance: { switches: { ignoreGivenSysIdOn: ['sys_user'] } } },
    (client) => ({
      ...client,
      async send(asked, context) {
        const answer = await client.send(asked, context);
        if (Object(asked.body).user_name !== 'ada') return answer;
        const { method, path } = asked;
        throw new UnknownOutcomeError('the answer was lost', { method, path, effect: 'unknown' });
      },
    }),
  );
  expect((await world.http(postRecord, post('sys_user', { user_name: 'eve' }))).statusCode).toBe(201);
  const ada = { ...post('sys_user', { user_name: 'ada' }), headers: { 'idempotency-key': 'ada' } };
  for (let copy = 0; copy < 2; copy += 1) {
    expect((await world.http(postRecord, ada)).statusCode).toBe(504);
    world.later(600_000);
  }
  expect(world.store.select('sys_user').filter(({ user_name }) => user_name === 'ada')).toHaveLength(1);
});

it('a key is known for 30 days in a table that was first seen to ignore sys_ids before', async () => {
  const instance = { switches: { ignoreGivenSysIdOn: ['incident'] } };
  const world = await startBothWays({ instance });
  expect((await world.post({ urgency: '1' }, 'first')).statusCode).toBe(201);
  world.later(29 * dayMs);
  expect((await world.post({ urgency: '1' }, 'k')).statusCode).toBe(201);
  world.later(2 * dayMs);
  expect((await world.post({ urgency: '1' }, 'k')).statusCode).toBe(200);
  expect(world.incidents()).toHaveLength(2);
});
