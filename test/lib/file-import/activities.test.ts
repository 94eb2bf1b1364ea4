import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { ConfigurationError } from '../../../lib/core/errors.ts';
import { type ActivityDeps, importActivities } from '../../../lib/file-import/activities.ts';
import type { ImportRequest } from '../../../lib/file-import/schedule/import-request.ts';
import { type ImportState, waitingState } from '../../../lib/file-import/state.ts';
import { runImport } from '../../../lib/file-import/workflow.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { memoryDurable } from './memory-durable.ts';
import { startWorld } from './world.ts';

it('waits for the verdicts that it reads before it fails with what it sends, so that no attempt overlaps the next', async () => {
  const world = await startWorld({ demoData: false });
  onTestFinished(() => world.close());
  await world.settings('imp_load', { rowsPerRequest: 1, concurrency: 1 });
  const rows = Array.from({ length: 40 }, (_, i) => `c-${i},text`);
  const request = await world.drop('imports/imp_load/both.csv', ['u_code,u_text', ...rows].join('\n'));
  await world.schedule.receive(request);
  await world.schedule.startDue();
  const gate = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<void>();
  let isBroken = false;
  let looking = 0;
  const client: ServiceNowClient = {
    async send(call, context) {
      if (!isBroken) return world.client.send(call, context);
      if (call.method !== 'GET') {
        failed.resolve();
        throw new Error('a defect');
      }
      looking++;
      await gate.promise;
      looking--;
      return world.client.send(call, context);
    },
    close: async () => undefined,
  };
  const deps: ActivityDeps = {
    scope: world.scope(() => client),
    schedule: world.schedule,
    startExecution: async () => undefined,
  };
  const activities = importActivities(deps);
  let state: ImportState = waitingState();
  for (let step = 0; step < 2; step++) ({ state } = await activities.advance(request, state, true));
  expect(state).toMatchObject({ phase: 'loading', loadedGroups: 1, collectedGroups: 0 });
  isBroken = true;
  const lookingAtFailure = activities.advance(request, state, true).then(
    () => 'no failure',
    () => looking,
  );
  await failed.promise;
  // What failed is noted in the bucket before anyone hears of it.
  for (let turn = 0; turn < 200; turn++) await setImmediate();
  gate.resolve();
  expect(await lookingAtFailure).toBe(0);
});

/** Of two drops of one table the first runs. */
async function startTwo() {
  const world = await startWorld({ demoData: false });
  onTestFinished(() => world.close());
  const requests: ImportRequest[] = [];
  for (const name of ['first', 'second']) {
    requests.push(await world.drop(`imports/imp_load/${name}.csv`, 'u_code,u_text\nc-1,text'));
    world.clock.advance(90_000);
  }
  const [first, second] = requests;
  if (!first || !second) throw new Error('two drops');
  for (const request of [first, second]) await world.schedule.receive(request);
  await world.schedule.startDue();
  const activities = importActivities({
    scope: world.scope(() => world.client),
    schedule: world.schedule,
    startExecution: async () => undefined,
  });
  const { state } = await activities.advance(first, waitingState(), true);
  return { world, first, second, activities, state };
}

it('keeps its turn while the start of its next execution is throttled', async () => {
  const { world, first, activities, state } = await startTwo();
  await activities.continueElsewhere(first, { ...state, executionNumber: 2 });
  world.clock.advance(5 * 3_600_000);
  await world.schedule.startDue();
  expect(world.started.map(({ key }) => key)).toEqual([first.key]);
  await expect(world.read(`${first.resultsFolder}summary.json`)).rejects.toThrow('no ');
});

it('passes its turn on, with an answer, when its next execution cannot be started at all', async () => {
  const { world, first, second, state } = await startTwo();
  const activities = importActivities({
    scope: world.scope(() => world.client),
    schedule: world.schedule,
    startExecution: () => Promise.reject(new Error('Lambda is away')),
  });
  await expect(activities.continueElsewhere(first, { ...state, executionNumber: 2 })).rejects.toThrow('away');
  world.clock.advance(3_600_000);
  await world.schedule.startDue();
  world.clock.advance(600_000);
  await world.schedule.startDue();
  expect(world.started.map(({ key }) => key)).toEqual([first.key, second.key]);
  expect(JSON.parse(await world.read(`${first.resultsFolder}summary.json`))).toMatchObject({
    status: 'stopped',
  });
});

it('keeps its turn through a whole invocation and the longest wait after it', async () => {
  const { world, first, second } = await startTwo();
  world.clock.advance(900_000 + 1_500_000);
  await world.schedule.startDue();
  expect(world.started.map(({ key }) => key)).toEqual([first.key]);
  world.clock.advance(3_600_000);
  await world.schedule.startDue();
  world.clock.advance(600_000);
  await world.schedule.startDue();
  expect(world.started.map(({ key }) => key)).toEqual([first.key, second.key]);
});

it('goes on where the state table refuses the renewal of its turn for a while', async () => {
  const world = await startWorld({ demoData: false });
  onTestFinished(() => world.close());
  const request = await world.drop('imports/imp_load/x.csv', 'u_code,u_text\nc-1,text');
  let refused = 0;
  const refuse = () => {
    refused++;
    throw new ConfigurationError('STATE_TABLE', 'AccessDeniedException');
  };
  const { schedule } = world;
  await schedule.receive(request);
  await schedule.startDue();
  const activities = importActivities({
    scope: world.scope(() => world.client),
    schedule: {
      renew: (one, forMs) => (refused === 1 ? schedule.renew(one, forMs) : refuse()),
      leave: (one) => (refused < 3 ? refuse() : schedule.leave(one)),
    },
    startExecution: async () => undefined,
  });
  const summary = await runImport(memoryDurable(new Map(), world.clock), activities, { request });
  expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 1 } });
  expect(refused).toBe(3);
  expect(await world.waiting()).toEqual([]);
});

it('answers its last step within what AWS keeps, however long the header of the file is', async () => {
  const world = await startWorld({ demoData: false });
  onTestFinished(() => world.close());
  const request = await world.drop('imports/imp_load/x.csv', 'x'.repeat(300_000));
  // Results of steps are limited to 256 KB there, too.
  const summary = await world.run(request);
  expect(summary).toMatchObject({ status: 'refused' });
  expect(summary.reason).toContain('column');
  expect(await world.waiting()).toEqual([]);
});
