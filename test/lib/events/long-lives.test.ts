import { expect, it, onTestFinished } from 'vitest';
import { openWorld } from '../../../cli/map/world.ts';
import { loadMappings } from '../../../lib/events/load-mappings.ts';

const startMs = Date.parse('2026-11-02T00:00:00Z');
const minuteMs = 60_000;
const person = { userName: 'a.person', sysId: '0'.repeat(32) };
const mappings = await loadMappings();

type About = { readonly account?: string; readonly region?: string };

/** An alarm and the incidents of its name, by minutes since a start. */
async function start() {
  const world = await openWorld(mappings, startMs);
  onTestFinished(() => world.close());
  const { state } = world.instance;
  const event = (value: string, minutes: number, about: About = {}) => {
    const { account = '123456789012', region = 'us-east-1' } = about;
    const time = new Date(startMs + minutes * minuteMs).toISOString();
    return {
      ...{ source: 'aws.cloudwatch', 'detail-type': 'CloudWatch Alarm State Change', account, region, time },
      ...{ id: `${value} ${minutes}`, resources: [`arn:aws:cloudwatch:${region}:${account}:alarm:cpu`] },
      detail: { alarmName: 'cpu', state: { value, reason: `at ${minutes}`, timestamp: time } },
    };
  };
  const apply = async (given: ReturnType<typeof event>) => {
    world.reach(Date.parse(given.time) + 1_000);
    return (await world.apply(given)).map(({ verdict }) => verdict);
  };
  return {
    world,
    event,
    apply,
    incidents: () => state.store.select('incident', { where: "t0.correlation_display <> ''" }),
    notes: () => state.store.select('sys_journal_field').map(({ value }) => value),
    /** The requests that something takes. */
    async requestsOf(work: () => Promise<unknown>) {
      state.ledger.clear();
      await work();
      return state.ledger.select({ limit: 100 }).length;
    },
  };
}

it('of 40 failures and recoveries within hours is one record, which stays open after its fifth reopening', async () => {
  const { event, apply, incidents, notes, requestsOf } = await start();
  for (let minute = 0; minute < 80; minute += 2) {
    await apply(event('ALARM', minute));
    await apply(event('OK', minute + 1));
  }
  expect(incidents()).toMatchObject([{ state: '2', reopen_count: '5' }]);
  for (let minute = 0; minute < 80; minute += 1)
    expect(
      notes().filter((note) => note?.includes(`: at ${minute}\n`) || note?.endsWith(`: at ${minute}`)),
    ).toHaveLength(1);
  expect(await requestsOf(() => apply(event('ALARM', 80)))).toBe(2);
});

it('of 24 records that people closed one after the other has one open at a time, and finds it in a few requests', async () => {
  const { world, event, apply, incidents, requestsOf } = await start();
  const day = 24 * 60;
  for (let index = 0; index < 24; index += 1) {
    await apply(event('ALARM', index * day));
    const open = incidents().filter(({ state }) => state === '1');
    expect(open).toHaveLength(1);
    const closed = { state: '7', close_code: 'Solution provided', close_notes: 'by hand' };
    world.instance.state.store.update('incident', open[0]?.['sys_id'] ?? '', closed, person);
  }
  expect(await requestsOf(() => apply(event('ALARM', 24 * day)))).toBeLessThanOrEqual(3);
  expect(incidents()).toHaveLength(25);
});

it('changes nothing when its events are replayed from an archive days later', async () => {
  const { world, event, apply, incidents, notes } = await start();
  const events = [event('ALARM', 1), event('OK', 10), event('ALARM', 15), event('OK', 25)];
  for (const one of events) expect(await apply(one)).toEqual(['done']);
  const before = [incidents(), notes()];
  world.reach(startMs + 5 * 24 * 60 * minuteMs);
  for (const one of events)
    expect(await apply({ ...one, ...{ 'replay-name': 'again', id: `replayed ${one.id}` } })).toEqual([
      'duplicate',
    ]);
  expect([incidents(), notes()]).toEqual(before);
});

it('is another one in another account and another region, though its name is the same', async () => {
  const { event, apply, incidents } = await start();
  const others = [{}, { account: '210987654321' }, { region: 'eu-west-1' }];
  for (const about of others) await apply(event('ALARM', 1, about));
  await apply(event('OK', 2, { account: '210987654321' }));
  const states = incidents().map(({ correlation_id, state }) => [correlation_id, state]);
  expect(new Map(states.map(([key, state]) => [key, state]))).toEqual(
    new Map([
      ['arn:aws:cloudwatch:us-east-1:123456789012:alarm:cpu', '1'],
      ['arn:aws:cloudwatch:us-east-1:210987654321:alarm:cpu', '6'],
      ['arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu', '1'],
    ]),
  );
});

it('that is deleted and made again goes on with its record', async () => {
  const { event, apply, incidents } = await start();
  const changed = (operation: string, value: string, minutes: number, stateMinutes: number) => {
    const { detail, ...common } = event(value, minutes);
    const { state } = event(value, stateMinutes).detail;
    return {
      ...{ ...common, 'detail-type': 'CloudWatch Alarm Configuration Change', id: `${operation} ${minutes}` },
      detail: { ...detail, operation, state },
    };
  };
  await apply(event('ALARM', 1));
  expect(await apply(changed('delete', 'ALARM', 30, 1))).toEqual(['done']);
  expect(incidents()).toMatchObject([{ state: '6', close_notes: 'The alarm was deleted.' }]);
  expect(await apply(changed('create', 'INSUFFICIENT_DATA', 31, 31))).toEqual(['ignored']);
  expect(await apply(event('OK', 32))).toEqual(['ignored']);
  expect(await apply(event('ALARM', 33))).toEqual(['done']);
  expect(incidents()).toMatchObject([{ state: '2', reopen_count: '1' }]);
});
