import { expect, it, onTestFinished } from 'vitest';
import { openWorld } from '../../../cli/map/world.ts';
import type { AlarmNow, AlarmPast } from '../../../lib/aws/alarms.ts';
import { deadlineAt } from '../../../lib/core/clock.ts';
import { silentLog } from '../../../lib/core/log.ts';
import type { Sources } from '../../../lib/events/ask-sources.ts';
import { loadMappings } from '../../../lib/events/load-mappings.ts';
import { reconcile } from '../../../lib/events/reconcile.ts';

const startMs = Date.parse('2026-11-02T08:00:00Z');
const account = '123456789012';
const mappings = await loadMappings();
const arnOf = (name: string) => `arn:aws:cloudwatch:us-east-1:${account}:alarm:${name}`;
const at = (minutes: number) => new Date(startMs + minutes * 60_000).toISOString();

/** A world in which alarms go off, and CloudWatch as it is asked. */
async function start(sources: Partial<Sources> = {}) {
  const world = await openWorld(mappings, startMs);
  onTestFinished(() => world.close());
  const alarms = new Map<string, AlarmNow>();
  const pasts = new Map<string, AlarmPast>();
  const counted: string[] = [];
  const queued: string[] = [];
  const asked: (readonly string[])[] = [];
  const alarm = (name: string, value: string, minutes: number) => {
    alarms.set(name, {
      arn: arnOf(name),
      name,
      state: value,
      reason: 'why',
      sinceMs: startMs + minutes * 60_000,
    });
    world.reach(startMs + minutes * 60_000 + 1_000);
    return {
      ...{
        source: 'aws.cloudwatch',
        'detail-type': 'CloudWatch Alarm State Change',
        account,
        region: 'us-east-1',
      },
      ...{ id: `${name}-${minutes}`, time: at(minutes), resources: [arnOf(name)] },
      detail: {
        alarmName: name,
        state: { value, reason: 'why', timestamp: at(minutes) },
        previousState: { value: 'OK' },
      },
    };
  };
  const run = async (meanwhile = async () => undefined as unknown) => {
    queued.length = 0;
    const answer = await reconcile(account, deadlineAt(world.nowMs() + 60_000, world.deployed.clock), {
      ...world.deployed,
      ...{
        ...mappings,
        instances: ['default'],
        signalsQueueUrl: 'signals',
        log: silentLog,
        region: 'us-east-1',
      },
      metrics: { add: (name, value = 1) => counted.push(`${name} ${value}`) },
      sources: {
        describeAlarms: async (names) => {
          asked.push(names);
          return new Map([...alarms].filter(([name]) => names.includes(name)));
        },
        unsuppressedAlarms: async () => [],
        alarmTags: async () => ({}),
        alarmPast: async (name) => pasts.get(name) ?? { isKnown: false, lastState: undefined },
        getFindings: async () => [],
        getFindingsOfControl: async () => [],
        getFindingsV2: async () => [],
        ...sources,
      },
      send: async (_url, entries) => {
        queued.push(...entries.map(({ MessageBody = '' }) => MessageBody));
        return [];
      },
    });
    await meanwhile();
    for (const body of queued) await world.send(JSON.parse(body));
    return answer;
  };
  const incidents = () =>
    world.instance.state.store.select('incident').filter(({ correlation_display }) => correlation_display);
  return { world, alarms, pasts, asked, alarm, run, incidents, counted, queued };
}

it('resolves the record of an alarm whose recovery was lost, once', async () => {
  const { world, alarm, run, incidents } = await start();
  await world.apply(alarm('cpu', 'ALARM', 0));
  await world.apply(alarm('disk', 'ALARM', 0));
  alarm('cpu', 'OK', 10);
  world.reach(startMs + 20 * 60_000);
  expect(await run()).toEqual({ asked: 2, sent: 1, failures: [] });
  expect(
    incidents()
      .map(({ state }) => state)
      .toSorted(),
  ).toEqual(['1', '6']);
  expect(await run()).toEqual({ asked: 1, sent: 0, failures: [] });
});

it('resolves the record of a recovery that came before its alarm, and of an alarm that was deleted', async () => {
  const { world, alarms, pasts, alarm, run, incidents } = await start();
  const [off, ok] = [alarm('cpu', 'ALARM', 0), alarm('cpu', 'OK', 1)];
  await world.apply(ok);
  await world.apply(off);
  await world.apply(alarm('disk', 'ALARM', 2));
  alarms.delete('disk');
  pasts.set('disk', { isKnown: true, lastState: undefined });
  await run();
  expect(incidents().map(({ state }) => state)).toEqual(['6', '6']);
});

it('resolves a record that flapped once its alarm has been quiet', async () => {
  const { world, alarm, run, incidents } = await start();
  for (let minute = 0; minute < 14; minute += 2) {
    await world.apply(alarm('cpu', 'ALARM', minute));
    await world.apply(alarm('cpu', 'OK', minute + 1));
  }
  expect(incidents()).toMatchObject([{ state: '2', reopen_count: '5' }]);
  world.reach(startMs + 60 * 60_000);
  await run();
  expect(incidents()).toMatchObject([{ state: '2' }]);
  world.reach(startMs + 5 * 3_600_000);
  await run();
  expect(incidents()).toMatchObject([{ state: '6' }]);
});

it('resolves a record that flapped of a source that cannot be asked once nothing was reported for long', async () => {
  const { world, run, incidents } = await start();
  const report = (status: string, minutes: number) => {
    world.reach(startMs + minutes * 60_000 + 1_000);
    return {
      ...{
        source: 'my.app',
        'detail-type': 'ServiceNow signal',
        id: `g-${minutes}`,
        time: at(minutes),
        account,
      },
      detail: { key: 'queue', status, summary: 'late' },
    };
  };
  for (let minute = 0; minute < 14; minute += 2) {
    await world.apply(report('open', minute));
    await world.apply(report('resolve', minute + 1));
  }
  await world.apply(report('open', 1_000));
  await world.apply(report('open', 1_001));
  const [flapped] = incidents();
  expect(flapped).toMatchObject({ state: '2', reopen_count: '5' });
  await world.apply(report('resolve', 1_002));
  world.reach(startMs + 1_060 * 60_000);
  expect(await run()).toEqual({ asked: 0, sent: 0, failures: [] });
  world.reach(startMs + 1_243 * 60_000);
  expect(await run()).toEqual({ asked: 0, sent: 1, failures: [] });
  expect(incidents()).toMatchObject([{ state: '6', close_code: 'Solution provided' }]);
  expect(await run()).toEqual({ asked: 0, sent: 0, failures: [] });
});

it('resolves a record that flapped although its last recovery was lost, once its alarm has been quiet', async () => {
  const { world, alarm, run, incidents } = await start();
  for (let minute = 0; minute < 12; minute += 2) {
    await world.apply(alarm('cpu', 'ALARM', minute));
    const ok = alarm('cpu', 'OK', minute + 1);
    if (minute < 10) await world.apply(ok);
  }
  world.reach(startMs + 30 * 60_000);
  await run();
  await run();
  expect(incidents()).toMatchObject([{ state: '2', reopen_count: '5' }]);
  world.reach(startMs + 5 * 3_600_000);
  await run();
  expect(incidents()).toMatchObject([{ state: '6' }]);
});

it('resolves the record of a recovery from before the last state that was applied', async () => {
  const { world, alarm, run, incidents } = await start();
  await world.apply(alarm('cpu', 'ALARM', 10));
  alarm('cpu', 'OK', 5);
  world.reach(startMs + 20 * 60_000);
  await run();
  expect(incidents()).toMatchObject([{ state: '6' }]);
});

it('resolves the record of a recovery that came after an update of a later time', async () => {
  const { world, alarm, run, incidents } = await start();
  await world.apply(alarm('cpu', 'ALARM', 0));
  const ok = alarm('cpu', 'OK', 5);
  world.reach(startMs + 10 * 60_000);
  const about = { source: 'cloudwatch-alarm', key: arnOf('cpu'), eventId: 'u', at: at(8) };
  const columns = { update: ['severity'], fields: { severity: '1' } };
  await world.send({ action: 'signal', signal: 'update', ...about, ...columns });
  await world.apply(ok);
  expect(incidents()).toMatchObject([{ state: '1', severity: '1' }]);
  await run();
  expect(incidents()).toMatchObject([{ state: '6' }]);
});

it('leaves a record open whose alarm goes off once CloudWatch was asked', async () => {
  const { world, alarm, run, incidents } = await start();
  await world.apply(alarm('cpu', 'ALARM', 10));
  alarm('cpu', 'OK', 5);
  world.reach(startMs + 20 * 60_000);
  await run(() => world.apply(alarm('cpu', 'ALARM', 21)));
  expect(incidents()).toMatchObject([{ state: '1' }]);
});

it('resolves the record of an alarm that recovered before its data went missing, and no other', async () => {
  const { world, pasts, alarm, run, incidents } = await start();
  for (const name of ['ok', 'old', 'broken']) {
    await world.apply(alarm(name, 'ALARM', 4));
    await world.apply(alarm(name, 'INSUFFICIENT_DATA', 10));
  }
  const past = (state: string, minutes: number) => ({
    ...{ isKnown: true, lastState: { state, reason: 'why', sinceMs: startMs + minutes * 60_000 } },
  });
  pasts.set('ok', past('OK', 5)).set('old', past('OK', 3)).set('broken', past('ALARM', 4));
  world.reach(startMs + 20 * 60_000);
  expect(await run()).toEqual({ asked: 3, sent: 1, failures: [] });
  const resolved = incidents().filter(({ state }) => state === '6');
  expect(resolved).toMatchObject([{ correlation_id: arnOf('ok'), close_notes: 'why' }]);
});

it('asks by the whole name of an alarm, however long, a hundred at a time', async () => {
  const { world, alarm, asked, run, incidents } = await start();
  const name = 'n'.repeat(255);
  await world.apply(alarm(name, 'ALARM', 0));
  alarm(name, 'OK', 5);
  await run();
  expect(asked).toEqual([[name]]);
  expect(incidents()).toMatchObject([{ state: '6' }]);
});

it('resolves the record of an alarm with a long name each time it recovers', async () => {
  const { world, alarm, run, incidents } = await start();
  const name = 'n'.repeat(255);
  await world.apply(alarm(name, 'ALARM', 0));
  await world.apply(alarm(name, 'OK', 1));
  expect(incidents()).toMatchObject([{ state: '6' }]);
  await world.apply(alarm(name, 'ALARM', 2));
  expect(incidents()).toMatchObject([{ state: '2' }]);
  alarm(name, 'OK', 3);
  await run();
  expect(incidents()).toMatchObject([{ state: '6' }]);
  await world.apply(alarm(name, 'ALARM', 4));
  alarm(name, 'OK', 5);
  await run();
  expect(incidents()).toMatchObject([{ state: '6' }]);
});

it('leaves alone what cannot be asked about: other accounts, other sources, a source that is down', async () => {
  const { world, alarm, run, incidents } = await start({
    describeAlarms: async () => {
      throw new Error('down');
    },
  });
  await world.apply(alarm('cpu', 'ALARM', 0));
  const other = { ...alarm('x', 'ALARM', 0), resources: [arnOf('x').replace(account, '210987654321')] };
  await world.apply(other);
  await world.apply({
    source: 'my.app',
    'detail-type': 'ServiceNow signal',
    time: at(0),
    detail: { key: 'k', status: 'open' },
  });
  expect(await run()).toMatchObject({ sent: 0, failures: ['CloudWatch in us-east-1: Error: down'] });
  expect(incidents().map(({ state }) => state)).toEqual(['1', '1', '1']);
});

it('leaves alone the record of an alarm that CloudWatch does not show and that was not deleted', async () => {
  const { world, alarms, alarm, run, incidents } = await start();
  await world.apply(alarm('composite', 'ALARM', 0));
  alarms.delete('composite');
  world.reach(startMs + 20 * 60_000);
  expect(await run()).toEqual({ asked: 1, sent: 0, failures: [] });
  expect(incidents()).toMatchObject([{ state: '1' }]);
});

it('reconciles the alarms of one region although those of another cannot be asked', async () => {
  const recovered = { name: 'cpu', state: 'OK', reason: 'why', sinceMs: startMs + 600_000 };
  const { world, alarm, run, incidents, counted } = await start({
    describeAlarms: async (_names, region) => {
      if (region === 'eu-west-1') throw new Error('denied');
      return new Map([['cpu', { ...recovered, arn: arnOf('cpu') }]]);
    },
  });
  const far = alarm('far', 'ALARM', 0);
  const arn = arnOf('far').replace('us-east-1', 'eu-west-1');
  await world.apply({ ...far, region: 'eu-west-1', resources: [arn] });
  await world.apply(alarm('cpu', 'ALARM', 1));
  world.reach(startMs + 20 * 60_000);
  expect(await run()).toEqual({ asked: 2, sent: 1, failures: ['CloudWatch in eu-west-1: Error: denied'] });
  expect(
    incidents()
      .map(({ state }) => state)
      .toSorted(),
  ).toEqual(['1', '6']);
  expect(counted).toEqual(['ReconcileFailures 1']);
});

it('reconciles the other alarms when the past of one cannot be read', async () => {
  const { world, alarms, alarm, run, incidents } = await start({
    alarmPast: async (name) => {
      if (name === 'denied') throw new Error('slow down');
      return { isKnown: true, lastState: undefined };
    },
  });
  for (const name of ['cpu', 'denied', 'gone']) await world.apply(alarm(name, 'ALARM', 0));
  alarm('cpu', 'OK', 5);
  alarms.delete('denied');
  alarms.delete('gone');
  const failures = ['CloudWatch in us-east-1 about denied: Error: slow down'];
  expect(await run()).toEqual({ asked: 3, sent: 2, failures });
  const open = incidents().filter(({ state }) => state === '1');
  expect(open).toMatchObject([{ correlation_id: arnOf('denied') }]);
});

it('sends what CloudWatch says before Security Hub is asked, some findings at a time', async () => {
  const sizes: number[] = [];
  const { world, alarm, run, incidents, queued } = await start({
    getFindings: async (ids) => {
      expect(queued).toHaveLength(1);
      sizes.push(ids.length);
      if (sizes.length === 1) throw new Error('slow down');
      return ids.map((id) => finding(id, 'r', 'RESOLVED'));
    },
  });
  const ids = Array.from({ length: 50 }, (_, index) => `arn:aws:securityhub:::finding/${index}`);
  await world.apply(asffEvent(...ids.map((id) => finding(id, 'r'))));
  await world.apply(alarm('cpu', 'ALARM', 0));
  alarm('cpu', 'OK', 5);
  world.reach(startMs + 20 * 60_000);
  expect(await run()).toEqual({ asked: 51, sent: 31, failures: ['Security Hub: Error: slow down'] });
  expect(sizes).toEqual([20, 20, 10]);
  expect(incidents().filter(({ state }) => state === '6')).toHaveLength(31);
});

it('knows a long name for as long as its record is open, and says so when it was forgotten', async () => {
  const { world, alarm, run, incidents } = await start();
  const days = (count: number) => world.reach(startMs + count * 86_400_000);
  await world.apply(alarm('n'.repeat(255), 'ALARM', 0));
  for (const day of [20, 40, 60]) {
    days(day);
    expect(await run()).toMatchObject({ asked: 1, failures: [] });
  }
  days(100);
  const failures = [expect.stringContaining('the keys of 1 open records are not known any more')];
  expect(await run()).toEqual({ asked: 0, sent: 0, failures });
  expect(incidents()).toMatchObject([{ state: '1' }]);
});

it('resolves the record of a finding that Security Hub has as resolved', async () => {
  const finding = {
    ...{ Id: `arn:aws:securityhub:us-east-1:${account}:security-control/S3.1/finding/${'0'.repeat(36)}` },
    ...{
      ProductArn: 'p',
      Region: 'us-east-1',
      AwsAccountId: account,
      Title: 'Title',
      Severity: { Label: 'HIGH' },
    },
    ...{ RecordState: 'ACTIVE', Workflow: { Status: 'NEW' }, Resources: [{ Id: 'r' }] },
  };
  const { world, run, incidents } = await start({
    getFindings: async (ids) =>
      ids.includes(finding.Id) ? [{ ...finding, Workflow: { Status: 'RESOLVED' } }] : [],
  });
  const event = {
    source: 'aws.securityhub',
    'detail-type': 'Security Hub Findings - Imported',
    id: 'f',
    time: at(0),
  };
  await world.apply({ ...event, account, detail: { findings: [finding] } });
  expect(incidents()).toMatchObject([{ state: '1' }]);
  world.reach(startMs + 60_000);
  expect(await run()).toEqual({ asked: 1, sent: 1, failures: [] });
  expect(incidents()).toMatchObject([{ state: '6' }]);
});

/** As Security Hub sends findings in ASFF. */
const asffEvent = (...findings: readonly object[]) => ({
  ...{
    source: 'aws.securityhub',
    'detail-type': 'Security Hub Findings - Imported',
    id: `f-${findings.length}`,
  },
  ...{ time: at(0), account, detail: { findings } },
});
const finding = (id: string, resource: string, workflow = 'NEW') => ({
  ...{ Id: id, ProductArn: 'p', Region: 'us-east-1', AwsAccountId: account, Title: 'Title' },
  ...{ Severity: { Label: 'HIGH' }, RecordState: 'ACTIVE', Workflow: { Status: workflow } },
  ...{ Resources: [{ Id: resource }], Compliance: { Status: 'FAILED', SecurityControlId: 'S3.8' } },
});
const standard = (name: string) =>
  `arn:aws:securityhub:us-east-1:${account}:subscription/${name}/S3.8/finding/1`;

it('resolves the record of a control once none of the standards reports it as failed', async () => {
  let workflows = ['SUPPRESSED', 'NEW'];
  const asked: object[] = [];
  const { world, run, incidents } = await start({
    getFindingsOfControl: async (of) => {
      asked.push(of);
      return ['one', 'two'].map((name, index) => finding(standard(name), 'arn:a', workflows[index]));
    },
  });
  await world.apply(asffEvent(finding(standard('one'), 'arn:a'), finding(standard('two'), 'arn:a')));
  await world.apply({ ...asffEvent(finding(standard('one'), 'arn:a', 'SUPPRESSED')), id: 'suppressed' });
  expect(incidents()).toMatchObject([{ state: '1' }]);
  world.reach(startMs + 60_000);
  expect(await run()).toEqual({ asked: 1, sent: 0, failures: [] });
  workflows = ['SUPPRESSED', 'RESOLVED'];
  expect(await run()).toEqual({ asked: 1, sent: 1, failures: [] });
  expect(incidents()).toMatchObject([{ state: '6' }]);
  expect(asked[0]).toMatchObject({ account, region: 'us-east-1', control: 'S3.8', resources: ['arn:a'] });
});

it('leaves open the record of a finding whose check could not be made', async () => {
  const { world, run, incidents } = await start({
    getFindings: async ([id = '']) => [{ ...finding(id, 'r'), Compliance: { Status: 'NOT_AVAILABLE' } }],
  });
  await world.apply(asffEvent(finding('arn:aws:securityhub:::finding/1', 'r')));
  world.reach(startMs + 60_000);
  expect(await run()).toEqual({ asked: 1, sent: 0, failures: [] });
  expect(incidents()).toMatchObject([{ state: '1' }]);
});

it('opens the record again of a finding that fails in the second in which Security Hub was asked', async () => {
  const id = 'arn:aws:securityhub:::finding/1';
  const { world, run, incidents } = await start({ getFindings: async () => [finding(id, 'r', 'RESOLVED')] });
  await world.apply(asffEvent(finding(id, 'r')));
  world.reach(startMs + 60_700);
  await run();
  expect(incidents()).toMatchObject([{ state: '6' }]);
  await world.apply({ ...asffEvent(finding(id, 'r')), id: 'later', time: at(1) });
  expect(incidents()).toMatchObject([{ state: '2' }]);
});

it('resolves the records of a list of 100 findings, each as Security Hub has it', async () => {
  const ids = Array.from({ length: 100 }, (_, index) => `arn:aws:securityhub:::finding/${index}`);
  const { world, run, incidents } = await start({
    getFindings: async (wanted) =>
      wanted.map((id) => finding(id, 'r', id.endsWith('7') ? 'NEW' : 'RESOLVED')),
  });
  await world.apply(asffEvent(...ids.map((id) => finding(id, 'r'))));
  expect(incidents()).toHaveLength(100);
  world.reach(startMs + 60_000);
  expect(await run()).toEqual({ asked: 100, sent: 90, failures: [] });
  const states = Map.groupBy(incidents(), ({ state }) => state);
  expect([states.get('1')?.length, states.get('6')?.length]).toEqual([10, 90]);
});

it('resolves the record of a finding in OCSF, and leaves those that are still new or are not there', async () => {
  const ocsf = (uid: string, status_id: number) => ({
    ...{ metadata: { uid }, finding_info: { uid, title: 'Title' }, severity_id: 5, severity: 'Critical' },
    ...{
      status_id,
      status: status_id === 4 ? 'Resolved' : 'New',
      cloud: { account: { uid: account }, region: 'r' },
    },
  });
  const { world, run, incidents } = await start({
    getFindingsV2: async (uids) =>
      uids.filter((uid) => uid !== 'gone').map((uid) => ocsf(uid, uid === 'over' ? 4 : 1)),
  });
  const event = {
    source: 'aws.securityhub',
    'detail-type': 'Findings Imported V2',
    id: 'v2',
    time: at(0),
    account,
  };
  await world.apply({ ...event, detail: { findings: ['over', 'new', 'gone'].map((uid) => ocsf(uid, 1)) } });
  world.reach(startMs + 60_000);
  expect(await run()).toEqual({ asked: 3, sent: 1, failures: [] });
  expect(
    incidents()
      .map(({ correlation_id, state }) => [correlation_id, state])
      .toSorted(),
  ).toEqual([
    ['gone', '1'],
    ['new', '1'],
    ['over', '6'],
  ]);
});
