import { expect, it, onTestFinished } from 'vitest';
import { noteLostImport } from '../../../lib/file-import/answer-drop.ts';
import type { ImportRequest } from '../../../lib/file-import/schedule/import-request.ts';
import { startWorld, type World } from './world.ts';

async function startOwnWorld(): Promise<World> {
  const world = await startWorld({ demoData: false });
  onTestFinished(() => world.close());
  return world;
}

const load = 'u_code,u_text\na,1\nb,2\nc,3';

async function summaryOf(world: World, request: ImportRequest) {
  return JSON.parse(await world.read(`${request.resultsFolder}summary.json`));
}

it('an import that was given up for lost and goes on replaces that answer by its own', async () => {
  const world = await startOwnWorld();
  const request = await world.drop('imports/imp_load/late.csv', load);
  await world.schedule.receive(request);
  await world.schedule.startDue();
  world.clock.advance(6 * 3_600_000 + 60_000);
  await world.schedule.startDue(true);
  world.clock.advance(11 * 60_000);
  await world.schedule.startDue(true);
  expect(await summaryOf(world, request)).toMatchObject({ status: 'stopped', lines: { rows: 0 } });
  const summary = await world.goOn({ request });
  expect(world.rows('u_item')).toHaveLength(3);
  expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 3 } });
  expect(await summaryOf(world, request)).toEqual(summary);
  expect(await world.read(summary.results['results'] ?? '')).toContain('inserted');
  expect(await world.keys(`${request.resultsFolder}work/`)).toEqual([]);
});

it('an import that ends at the very moment in which it is given up keeps its result', async () => {
  const world = await startOwnWorld();
  const request = await world.drop('imports/imp_load/x.csv', load);
  await world.schedule.receive(request);
  let isFirst = true;
  world.s3.middlewareStack.add((next, context) => async (args) => {
    if (isFirst && context['commandName'] === 'PutObjectCommand') {
      isFirst = false;
      await world.goOn({ request });
    }
    return next(args);
  });
  await noteLostImport(world, request);
  const summary = await summaryOf(world, request);
  expect(summary).toMatchObject({ status: 'completed', counts: { inserted: 3 } });
  const progress = JSON.parse(await world.read(`${request.resultsFolder}progress.json`));
  expect(progress).toMatchObject({ phase: 'done', rows: 3 });
});

it('an import that is given up twice is answered once more where the first answer was interrupted', async () => {
  const world = await startOwnWorld();
  const request = await world.drop('imports/imp_load/x.csv', load);
  await noteLostImport(world, request);
  const first = await summaryOf(world, request);
  await world.put(`${request.resultsFolder}progress.json`, '{}');
  world.clock.advance(60_000);
  await noteLostImport(world, request);
  expect(await summaryOf(world, request)).toEqual(first);
  const progress = JSON.parse(await world.read(`${request.resultsFolder}progress.json`));
  expect(progress).toMatchObject({ phase: 'done' });
});
