import { PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { expect, it, onTestFinished } from 'vitest';
import { pinnedSettings, settingsAt } from '../../../../lib/file-import/plan/pinned-settings.ts';
import { bucket, startWorld } from '../world.ts';

const [before, after] = [{ rowsPerRequest: 1 }, { rowsPerRequest: 2 }];

async function begin() {
  const world = await startWorld({ demoData: false });
  onTestFinished(() => world.close());
  const setVersions = (Status: 'Enabled' | 'Suspended') =>
    world.s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status } }));
  const at = async (atMs: number) => {
    const found = await settingsAt(world.s3, bucket, 'imp_load', atMs);
    return found && JSON.parse(found.text ?? '');
  };
  return { world, setVersions, at };
}

it('keeps to settings that are older than the versions of the bucket', async () => {
  const { world, setVersions, at } = await begin();
  await world.settings('imp_load', before);
  await setVersions('Enabled');
  world.clock.advance(5_000);
  const request = await world.drop('imports/imp_load/a.csv', 'u_code\na');
  const droppedMs = Date.parse(request.droppedAt);
  world.clock.advance(5_000);
  await world.settings('imp_load', after);
  expect(JSON.parse((await pinnedSettings(world.s3, request)) ?? '')).toEqual(before);
  // An event that comes late.
  expect(await at(droppedMs)).toEqual(before);
  expect(await at(world.clock.now() + 5_000)).toEqual(after);
});

it('goes by the present settings where versions were suspended, unless an older version or a deletion is known', async () => {
  const { world, setVersions, at } = await begin();
  await setVersions('Suspended');
  await world.settings('imp_load', before);
  world.clock.advance(5_000);
  const droppedMs = world.clock.now();
  world.clock.advance(5_000);
  await world.settings('imp_load', after);
  expect(await at(droppedMs)).toEqual(after);
  await setVersions('Enabled');
  await world.settings('imp_load', before);
  await setVersions('Suspended');
  world.clock.advance(5_000);
  const laterMs = world.clock.now();
  world.clock.advance(5_000);
  await world.settings('imp_load', after);
  expect(await at(laterMs)).toEqual(before);
});
