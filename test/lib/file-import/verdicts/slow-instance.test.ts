import { expect, it, onTestFinished } from 'vitest';
import { importActivities } from '../../../../lib/file-import/activities.ts';
import { callContext, pageRows } from '../../../../lib/file-import/instance.ts';
import { runImport } from '../../../../lib/file-import/workflow.ts';
import type { ServiceNowClient } from '../../../../lib/servicenow/call.ts';
import { loadData } from '../load-table.ts';
import { memoryDurable } from '../memory-durable.ts';
import { startWorld, type World } from '../world.ts';

const load = (count: number) =>
  ['u_code,u_text', ...Array.from({ length: count }, (_, i) => `code-${i},text-${i}`)].join('\n');

async function worldWith(options: Parameters<typeof startWorld>[0]): Promise<World> {
  const world = await startWorld({ demoData: false, ...options });
  onTestFinished(() => world.close());
  return world;
}

/** A client before which something happens. */
function clientAfter(world: World, before: (path: string, method: string) => Promise<void> | void) {
  const client: ServiceNowClient = {
    async send(call, context) {
      await before(call.path, call.method);
      return world.client.send(call, context);
    },
    close: async () => undefined,
  };
  return () => client;
}

it('gives up no rows while the instance is busy with later ones', async () => {
  const world = await worldWith({});
  const { clock } = world.instance.control;
  await world.settings('imp_load', { rowsPerRequest: 1, concurrency: 1, verdictTimeoutSeconds: 120 });
  let sets = 0;
  const client = clientAfter(world, async (path) => {
    await clock.set(world.clock.now());
    if (!path.endsWith('/insertMultiple')) return;
    sets++;
    // The first group has ten requests; they are never transformed. The others are, one after another.
    const transformDelayMs = sets <= 10 ? 1e9 : (sets - 10) * 40_000;
    Object.assign(world.instance.state.switches, { transformDelayMs });
  });
  const request = await world.drop('imports/imp_load/busy.csv', load(20));
  const summary = await world.run(request, new Map(), client);
  expect(summary.counts).toMatchObject({ inserted: 10, unknown: 10 });
});

/** An instance that runs out of the 30 s of a batch after so many items. */
function servicesAtMost(world: World, items: number): ServiceNowClient {
  return {
    async send(call, context) {
      if (!call.path.endsWith('/batch')) return world.client.send(call, context);
      const body: { rest_requests: { id: string }[] } = JSON.parse(JSON.stringify(call.body));
      const left = body.rest_requests.splice(items);
      const response = await world.client.send({ ...call, body }, context);
      const answer: object = JSON.parse(JSON.stringify(response.body));
      return { ...response, body: { ...answer, unserviced_requests: left.map(({ id }) => id) } };
    },
    close: async () => undefined,
  };
}

const secondMap = 'b'.repeat(32);

it('asks again for the rows that a batch of look-ups did not get to', async () => {
  const data = {
    sys_transform_map: [
      ...(loadData['sys_transform_map'] ?? []).map((map) => ({ ...map, order: '100' })),
      {
        sys_id: secondMap,
        name: 'Second',
        source_table: 'imp_load',
        target_table: 'u_item',
        active: 'true',
        order: '200',
      },
    ],
    sys_transform_entry: [
      ...(loadData['sys_transform_entry'] ?? []),
      { map: secondMap, source_field: 'u_text', target_field: 'u_code', coalesce: 'true' },
    ],
  };
  const world = await worldWith({ data });
  world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
    code === 'code-3' ? { error: 'the first map says no' } : {},
  );
  const client = () => servicesAtMost(world, 6);
  const request = await world.drop('imports/imp_load/x.csv', load(20));
  const summary = await world.run(request, new Map(), client);
  expect(summary.counts).toMatchObject({ inserted: 19, error: 1, unknown: 0 });
});

it('waits for verdicts through an outage that is longer than their own time-out', async () => {
  const world = await worldWith({});
  await world.settings('imp_load', { verdictTimeoutSeconds: 60 });
  let awayUntilMs = Number.POSITIVE_INFINITY;
  const client = clientAfter(world, (_, method) => {
    if (method === 'GET' && world.clock.now() < awayUntilMs && world.rows('imp_load').length > 0)
      throw new Error('the instance is away');
  });
  const request = await world.drop('imports/imp_load/x.csv', load(5));
  await world.schedule.receive(request);
  const activities = importActivities({
    scope: world.scope(client),
    schedule: world.schedule,
    startExecution: async () => undefined,
  });
  awayUntilMs = world.clock.now() + 5 * 3_600_000;
  const summary = await runImport(memoryDurable(new Map(), world.clock), activities, { request });
  expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 5, unknown: 0 } });
});

it('loads on while verdicts cannot be read', async () => {
  const world = await worldWith({});
  await world.settings('imp_load', { rowsPerRequest: 1, concurrency: 1 });
  let refused = 0;
  const client = clientAfter(world, (path) => {
    if (path !== '/api/now/stats/imp_load' || world.rows('imp_load').length >= 60) return;
    refused++;
    throw new Error('the instance is away');
  });
  const before = world.clock.waitedMs();
  const request = await world.drop('imports/imp_load/x.csv', load(60));
  const summary = await world.run(request, new Map(), client);
  expect(summary.counts).toMatchObject({ inserted: 60 });
  expect(refused).toBeGreaterThan(0);
  expect(world.clock.waitedMs() - before).toBeLessThan(20_000);
});

it('gives each page of rows the time of a request', async () => {
  const world = await worldWith({});
  await world.run(await world.drop('imports/imp_load/x.csv', load(30)));
  const client: ServiceNowClient = {
    send(call, context) {
      // As long as the slowest request that ServiceNow does not cancel.
      world.clock.advance(59_000);
      expect(context?.deadline?.passed()).toBe(false);
      return world.client.send(call);
    },
    close: async () => undefined,
  };
  const scope = { ...world.scope(() => client), client };
  expect(callContext(scope).deadline).toBeDefined();
  let rows = 0;
  for await (const page of pageRows(scope, { table: 'imp_load', query: '', fields: ['sys_id'], limit: 10 }))
    rows += page.length;
  expect(rows).toBe(30);
});
