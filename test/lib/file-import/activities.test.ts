import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { type ActivityDeps, importActivities } from '../../../lib/file-import/activities.ts';
import { type ImportState, waitingState } from '../../../lib/file-import/state.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
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
