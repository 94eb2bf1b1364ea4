import { expect, it, onTestFinished } from 'vitest';
import { importActivities } from '../../../../lib/file-import/activities.ts';
import { callContext, pageRows } from '../../../../lib/file-import/instance.ts';
import { runImport } from '../../../../lib/file-import/workflow.ts';
import type { ServiceNowClient } from '../../../../lib/servicenow/call.ts';
import { ThrottledError, TransactionCancelledError } from '../../../../lib/servicenow/errors.ts';
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

/** Two maps take each row. */
const twoMaps = {
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

it('asks again for the rows that a batch of look-ups did not get to', async () => {
  const world = await worldWith({ data: twoMaps });
  world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
    code === 'code-3' ? { error: 'the first map says no' } : {},
  );
  const client = () => servicesAtMost(world, 6);
  const request = await world.drop('imports/imp_load/x.csv', load(20));
  const summary = await world.run(request, new Map(), client);
  expect(summary.counts).toMatchObject({ inserted: 19, error: 1, unknown: 0 });
});

it('leaves rows unknown whose look-ups run out of time again and again', async () => {
  const world = await worldWith({ data: twoMaps });
  world.instance.state.imports.scripts.set('Load', ({ u_code: code }) =>
    code === 'code-3' ? { error: 'the first map says no' } : {},
  );
  let batches = 0;
  const client: ServiceNowClient = {
    async send(call, context) {
      if (!call.path.endsWith('/batch')) return world.client.send(call, context);
      batches++;
      const { rest_requests: left }: { rest_requests: { id: string }[] } = JSON.parse(
        JSON.stringify(call.body),
      );
      const body = {
        batch_request_id: '1',
        serviced_requests: [],
        unserviced_requests: left.map(({ id }) => id),
      };
      return { status: 200, headers: {}, body, attempts: 1 };
    },
    close: async () => undefined,
  };
  const summary = await runWith(world, 120, {}, () => client);
  expect(summary).toMatchObject({ status: 'completed', counts: { unknown: 120 } });
  expect(batches).toBe(3);
  expect(hours(world)).toBeLessThan(0.1);
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

/** Runs an import that waits through outages for 84 hours. */
async function runWith(world: World, rows: number, settings: object, client: () => ServiceNowClient) {
  await world.settings('imp_load', settings);
  const request = await world.drop('imports/imp_load/x.csv', load(rows));
  await world.schedule.receive(request);
  const activities = importActivities({
    scope: world.scope(client),
    schedule: world.schedule,
    startExecution: async () => undefined,
  });
  return runImport(memoryDurable(new Map(), world.clock), activities, { request });
}

/** Calls of one path come to nothing, on an instance that is up. */
function clientWithout(world: World, lost: string, isLost: () => boolean = () => true) {
  return clientAfter(world, (path, method) => {
    if (path === lost && method === 'GET' && world.rows('imp_load').length > 0 && isLost())
      throw new TransactionCancelledError('maximum execution time exceeded', { method: 'GET', path });
  });
}

const hours = (world: World) => world.clock.waitedMs() / 3_600_000;

it('reads the rows where the instance is up but cannot count those that are pending', async () => {
  const world = await worldWith({});
  const client = clientWithout(world, '/api/now/stats/imp_load');
  const summary = await runWith(world, 5, { verdictTimeoutSeconds: 600 }, client);
  expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 5, unknown: 0 } });
  expect(hours(world)).toBeLessThan(1);
});

it('ends after the time-out of verdicts where the instance is up but does not list the rows', async () => {
  const world = await worldWith({});
  const client = clientWithout(world, '/api/now/table/imp_load');
  const summary = await runWith(world, 5, { verdictTimeoutSeconds: 600 }, client);
  expect(summary).toMatchObject({ status: 'stopped', counts: { unknown: 5 } });
  expect(summary).toHaveProperty('reason', expect.stringContaining('maximum execution time'));
  expect(hours(world)).toBeLessThan(1);
  expect(await world.waiting()).toEqual([]);
});

/** Reads are turned away for a while once rows are there. */
function throttledClient(world: World, isThrottled: (path: string) => boolean, retryAfterMs?: number) {
  return clientAfter(world, (path, method) => {
    if (method === 'GET' && world.rows('imp_load').length > 0 && isThrottled(path))
      throw new ThrottledError('429 rate limit', { method, path, retryAfterMs });
  });
}

it.each([
  ['what asks for verdicts', (path: string) => path.includes('imp_load')],
  ['every read', () => true],
])(
  'ends two hours after the last verdict where the instance turns %s away for good',
  async (_, isThrottled) => {
    const world = await worldWith({});
    const client = throttledClient(world, isThrottled, 1_500_000);
    const summary = await runWith(world, 5, { verdictTimeoutSeconds: 60 }, client);
    expect(summary).toMatchObject({ status: 'stopped', counts: { unknown: 5 } });
    expect(summary).toHaveProperty('reason', expect.stringContaining('429 rate limit'));
    expect(hours(world)).toBeGreaterThan(2);
    expect(hours(world)).toBeLessThan(3);
    expect(await world.waiting()).toEqual([]);
  },
);

it('has the verdicts of rows whose reads were turned away for an hour', async () => {
  const world = await worldWith({});
  const untilMs = world.clock.now() + 3_600_000;
  const client = throttledClient(world, () => world.clock.now() < untilMs);
  const summary = await runWith(world, 5, { verdictTimeoutSeconds: 60 }, client);
  expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 5, unknown: 0 } });
});

it('waits out reads that are turned away long after the last verdict, as that says nothing of the rows', async () => {
  const world = await worldWith({ switches: { transformDelayMs: 8_000_000 } });
  const startMs = world.clock.now();
  const isThrottled = () => {
    const passedMs = world.clock.now() - startMs;
    return passedMs > 7_260_000 && passedMs < 8_100_000;
  };
  let refused = 0;
  const client = clientAfter(world, async (path, method) => {
    await world.instance.control.clock.set(world.clock.now());
    if (method !== 'GET' || !isThrottled()) return;
    refused += 1;
    throw new ThrottledError('429 rate limit', { method, path, retryAfterMs: 300_000 });
  });
  const summary = await runWith(world, 5, { verdictTimeoutSeconds: 7_800 }, client);
  expect(refused).toBeGreaterThan(0);
  expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 5, unknown: 0 } });
});

it('looks in several invocations whether the instance is busy with later groups, where there are many', async () => {
  const world = await worldWith({ switches: { transformDelayMs: 1e9 } });
  await world.settings('imp_load', { rowsPerRequest: 1, concurrency: 1, verdictTimeoutSeconds: 600 });
  let [counted, waitedMs, mostCounted] = [0, 0, 0];
  const client = clientAfter(world, (path) => {
    if (path !== '/api/now/stats/imp_load') return;
    // Each wait begins another invocation, which has time for three counts.
    if (world.clock.waitedMs() !== waitedMs) counted = 0;
    waitedMs = world.clock.waitedMs();
    counted += 1;
    mostCounted = Math.max(mostCounted, counted);
  });
  const request = await world.drop('imports/imp_load/x.csv', load(900));
  await world.schedule.receive(request);
  const scope = world.scope(client);
  const { deadline } = scope;
  const isLate = () => counted > 2 && world.clock.waitedMs() === waitedMs;
  const activities = importActivities({
    scope: { ...scope, deadline: { ...deadline, atMs: deadline.atMs, passed: isLate } },
    schedule: world.schedule,
    startExecution: async () => undefined,
  });
  const summary = await runImport(memoryDurable(new Map(), world.clock), activities, { request });
  expect(summary).toMatchObject({ counts: { unknown: 900 } });
  expect(mostCounted).toBeLessThan(6);
  expect(hours(world)).toBeLessThan(1);
});

it('keeps the verdicts of groups before one whose rows cannot be read', async () => {
  const world = await worldWith({});
  let lists = 0;
  const client = clientWithout(world, '/api/now/table/imp_load', () => ++lists > 1);
  const settings = { rowsPerRequest: 1, concurrency: 1, verdictTimeoutSeconds: 600 };
  const summary = await runWith(world, 20, settings, client);
  expect(summary).toMatchObject({ counts: { inserted: 10, unknown: 10 } });
});

it.each([
  ['until they can be read', 300_000, 'maxErrors is 5'],
  ['or stops after their time-out', Number.POSITIVE_INFINITY, 'maxErrors'],
])('waits with what counts failures while verdicts cannot be read, %s', async (_, lostMs, reason) => {
  const world = await worldWith({});
  world.instance.state.imports.scripts.set('Load', () => ({ error: 'no' }));
  const untilMs = world.clock.now() + lostMs;
  const client = clientWithout(world, '/api/now/stats/imp_load', () => world.clock.now() < untilMs);
  const settings = { rowsPerRequest: 1, concurrency: 1, maxErrors: 5, verdictTimeoutSeconds: 3_600 };
  const summary = await runWith(world, 700, settings, client);
  expect(summary).toMatchObject({ status: 'stopped', counts: { notSent: 300, error: 400 } });
  expect(summary).toHaveProperty('reason', expect.stringContaining(reason));
  expect(world.rows('imp_load')).toHaveLength(400);
  expect(hours(world)).toBeLessThan(3);
});

it('does not count an outage before that for the time-out', async () => {
  const world = await worldWith({});
  world.instance.state.imports.scripts.set('Load', () => ({ error: 'no' }));
  const beganMs = world.clock.now();
  let isLost = true;
  const client = clientAfter(world, (path, method) => {
    if (method !== 'GET' || world.rows('imp_load').length === 0) return;
    const isAway = world.rows('imp_load').length >= 400 && world.clock.now() - beganMs < 4 * 3_600_000;
    if (isAway) throw new Error('the instance is away');
    if (path !== '/api/now/stats/imp_load' || !isLost) return;
    // The first read behind the outage fails, too.
    isLost = world.rows('imp_load').length < 400;
    throw new TransactionCancelledError('maximum execution time exceeded', { method, path });
  });
  const summary = await runWith(world, 700, { rowsPerRequest: 1, concurrency: 1, maxErrors: 5 }, client);
  expect(summary).toHaveProperty('reason', expect.stringContaining('rows failed, maxErrors is 5'));
  expect(hours(world)).toBeGreaterThan(3);
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
