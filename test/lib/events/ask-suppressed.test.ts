import { CloudWatchClient, PutCompositeAlarmCommand } from '@aws-sdk/client-cloudwatch';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openWorld } from '../../../cli/map/world.ts';
import { ACCOUNT_ID } from '../../../emulator/aws/account.ts';
import { startCloudWatch } from '../../../emulator/aws/cloudwatch/cloudwatch.ts';
import type { NewEvent } from '../../../emulator/aws/event-bridge/bus.ts';
import * as cloudWatch from '../../../lib/aws/alarms.ts';
import { deadlineAt } from '../../../lib/core/clock.ts';
import { silentLog } from '../../../lib/core/log.ts';
import { silentMetrics } from '../../../lib/core/metrics.ts';
import { loadMappings } from '../../../lib/events/load-mappings.ts';
import type { CompiledMapping } from '../../../lib/events/mapping.ts';
import { reconcile } from '../../../lib/events/reconcile.ts';
import { putAlarm, setAlarm } from '../../e2e/alarms.ts';

const startMs = Date.parse('2026-11-02T08:00:00Z');
/** One for each test: the client of a region is kept, with the endpoint that it had. */
let regions = 0;
const person = { userName: 'a.person', sysId: '0'.repeat(32) };

/** CloudWatch, and a deployment that gets its events; both have one clock. */
async function start(
  mapped = (one: CompiledMapping) => one,
  sources: Partial<Parameters<typeof reconcile>[2]['sources']> = {},
) {
  const shipped = await loadMappings();
  const mappings = { ...shipped, mappings: shipped.mappings.map(mapped) };
  const world = await openWorld(mappings, startMs);
  const events: NewEvent[] = [];
  regions += 1;
  const region = `local-${regions}`;
  const { clock } = world.deployed;
  const publish = (event: NewEvent) => events.push(event);
  const server = await startCloudWatch({ clock, publish, deliver: () => undefined });
  const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
  const client = new CloudWatchClient({ ...local, endpoint: server.url });
  vi.stubEnv('AWS_ENDPOINT_URL_CLOUDWATCH', server.url);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    client.destroy();
    await Promise.all([server.close(), world.close()]);
  });
  const wait = (minutes: number) => world.reach(world.nowMs() + minutes * 60_000);
  /** Delivers what CloudWatch has sent since. */
  const deliver = async () => {
    for (const { source, detailType, resources, timeMs, detail } of events.splice(0)) {
      const time = new Date(timeMs ?? world.nowMs()).toISOString();
      const common = {
        source,
        'detail-type': detailType,
        account: ACCOUNT_ID,
        region: 'us-east-1',
        resources,
      };
      const event = { ...common, id: crypto.randomUUID(), time, detail };
      // Events that no file maps are sent by no rule.
      await world.apply(event).catch(() => undefined);
    }
  };
  return {
    world,
    region,
    wait,
    async set(name: string, value: 'ALARM' | 'OK') {
      await setAlarm(client, name, value);
      await deliver();
    },
    async composite(AlarmName: string, more: object = {}) {
      const AlarmRule = 'ALARM("one") OR ALARM("two")';
      await client.send(new PutCompositeAlarmCommand({ AlarmName, AlarmRule, ...more }));
      await deliver();
    },
    async suppressor(name: string) {
      await putAlarm(client, name);
      await setAlarm(client, name, 'ALARM');
      events.splice(0);
    },
    async run() {
      let sent: string[] = [];
      const answer = await reconcile(ACCOUNT_ID, deadlineAt(world.nowMs() + 60_000, clock), {
        ...{ ...world.deployed, ...mappings, instances: ['default'], signalsQueueUrl: 'signals' },
        ...{ log: silentLog, metrics: silentMetrics, region },
        sources: {
          ...cloudWatch,
          ...{ getFindings: async () => [], getFindingsOfControl: async () => [] },
          getFindingsV2: async () => [],
          ...sources,
        },
        send: async (_url, entries) => {
          sent = [...sent, ...entries.map(({ MessageBody = '' }) => MessageBody)];
          return [];
        },
      });
      const verdicts = [];
      for (const body of sent) verdicts.push(await world.send(JSON.parse(body)));
      return { ...answer, verdicts };
    },
    incidents: () =>
      world.instance.state.store
        .select('incident')
        .filter(({ correlation_id }) => String(correlation_id).endsWith(':alarm:all')),
  };
}

const suppressed = { ActionsSuppressor: 'maintenance', ActionsSuppressorWaitPeriod: 120 };

it('opens the record of a composite alarm that still sounds once its suppressor does not', async () => {
  const { set, composite, suppressor, run, wait, incidents } = await start();
  await suppressor('maintenance');
  const Tags = [{ Key: 'severity', Value: 'critical' }];
  await composite('all', { ...suppressed, Tags, AlarmDescription: 'All of the shop' });
  await set('all', 'ALARM');
  wait(30);
  expect(await run()).toMatchObject({ sent: 0, failures: [] });
  expect(incidents()).toEqual([]);
  await set('maintenance', 'OK');
  wait(1);
  expect(await run()).toMatchObject({ sent: 1, verdicts: ['done'], failures: [] });
  expect(incidents()).toMatchObject([{ state: '1', impact: '1', description: /All of the shop/ }]);
  wait(15);
  expect(await run()).toMatchObject({ sent: 0 });
  await set('all', 'OK');
  expect(incidents()).toMatchObject([{ state: '6' }]);
  expect(await run()).toMatchObject({ sent: 0 });
});

it('opens the record of a composite alarm for which no suppressor sounded while it waited', async () => {
  const { set, composite, run, wait, incidents } = await start();
  await composite('all', suppressed);
  await set('all', 'ALARM');
  wait(1);
  expect(await run()).toMatchObject({ sent: 0 });
  wait(2);
  expect(await run()).toMatchObject({ sent: 1, verdicts: ['done'] });
  expect(incidents()).toMatchObject([{ state: '1' }]);
});

it('leaves alone what a person ended while it sounds, and alarms without a suppressor', async () => {
  const { world, set, composite, run, wait, incidents } = await start();
  await composite('all', suppressed);
  await composite('plain');
  await set('all', 'ALARM');
  await set('plain', 'ALARM');
  wait(3);
  await run();
  const [{ sys_id: sysId = '' } = {}] = incidents();
  const ended = { state: '7', close_code: 'Solution provided', close_notes: 'by hand' };
  world.instance.state.store.update('incident', String(sysId), ended, person);
  wait(15);
  const { sent, verdicts } = await run();
  expect([sent, verdicts]).toEqual([1, ['duplicate']]);
  expect(incidents()).toMatchObject([{ state: '7' }]);
});

it('opens nothing that the mapping files ignore or do not map, and asks for all pages', async () => {
  const ignoring = (one: CompiledMapping): CompiledMapping =>
    one.source === 'cloudwatch-alarm'
      ? { ...one, when: { ...one.when, detail: { alarmName: [{ prefix: 'mine-' }] } } }
      : one;
  const { set, composite, run, wait } = await start(ignoring);
  for (let index = 0; index < 105; index += 1) await composite(`other-${index}`, suppressed);
  await composite('mine-zzz', suppressed);
  for (let index = 0; index < 105; index += 1) await set(`other-${index}`, 'ALARM');
  await set('mine-zzz', 'ALARM');
  wait(3);
  expect(await run()).toMatchObject({ sent: 1, failures: [] });
});

it('opens a record without its tags where they cannot be read, and says so', async () => {
  const { set, composite, run, wait, incidents, region } = await start(undefined, {
    alarmTags: async () => Promise.reject(new Error('denied')),
  });
  await composite('all', suppressed);
  await set('all', 'ALARM');
  wait(3);
  const failures = [`CloudWatch in ${region} about the tags of all: Error: denied`];
  expect(await run()).toMatchObject({ sent: 1, failures });
  expect(incidents()).toMatchObject([{ state: '1', impact: '2' }]);
});
