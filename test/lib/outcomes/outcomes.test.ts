import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startEventBridge } from '../../../emulator/aws/event-bridge/event-bridge.ts';
import { sendToBus } from '../../../lib/aws/event-bus.ts';
import { type LogFields, silentLog } from '../../../lib/core/log.ts';
import type { MetricName } from '../../../lib/core/metrics.ts';
import { outcomeDetails } from '../../../lib/outcomes/outcome-schema.ts';
import { createOutcomes, type Outcome } from '../../../lib/outcomes/outcomes.ts';
import { until } from '../../until.ts';
import { manualClock } from '../core/manual-clock.ts';

const busArn = 'arn:aws:events:us-east-1:000000000000:event-bus/ours';
const deployment = 'servicenow-functions/dev';

/** A bus whose every event lands in `events`. */
async function startBus() {
  const events: { 'detail-type': string; source: string; detail: Record<string, unknown> }[] = [];
  const bridge = await startEventBridge({ deliver: ({ body }) => void events.push(JSON.parse(body)) });
  vi.stubEnv('AWS_ENDPOINT_URL_EVENTBRIDGE', bridge.url);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  const client = new EventBridgeClient({});
  await client.send(new CreateEventBusCommand({ Name: 'ours' }));
  const EventPattern = JSON.stringify({ source: ['servicenow-functions'] });
  await client.send(new PutRuleCommand({ Name: 'all', EventBusName: 'ours', EventPattern }));
  const Targets = [{ Id: 'one', Arn: 'arn:aws:sqs:us-east-1:000000000000:heard' }];
  await client.send(new PutTargetsCommand({ Rule: 'all', EventBusName: 'ours', Targets }));
  onTestFinished(async () => {
    client.destroy();
    vi.unstubAllEnvs();
    await bridge.close();
  });
  return { events, bridge };
}

const imported = {
  importId: 'import-1',
  source: { bucket: 'drops', key: 'imports/imp_user/people.csv', versionId: 'v1' },
  stagingTable: 'imp_user',
};
const ended = {
  ...imported,
  lines: { rows: 3, blank: 0 },
  counts: { inserted: 2, error: 1 },
  seconds: 1.5,
  results: { summary: 'results/imp_user/people/summary.json' },
};
const deadLetter = {
  type: 'Message Dead-Lettered',
  queue: 'standard',
  messageId: 'm-1',
  key: 'order-77',
  code: 'NOT_FOUND',
  attempts: 1,
  requestId: 'r-1',
} as const;

const applied = {
  type: 'Signal Applied',
  messageId: 'm-2',
  table: 'incident',
  key: 'web-01',
  signal: 'open',
  verdict: 'done',
} as const;

const every: readonly Outcome[] = [
  { type: 'Import Started', ...imported },
  { type: 'Import Finished', ...ended },
  { type: 'Import Stopped', ...ended },
  { type: 'Import Refused', ...ended },
  { type: 'Import Superseded', ...ended },
  { type: 'Drop Refused', source: imported.source, results: ended.results },
  deadLetter,
  applied,
  { type: 'Credentials Rejected', instance: 'default' },
];

describe('outcomes', () => {
  it('reach the bus as events that the published schema describes, ten to a call', async () => {
    const { events } = await startBus();
    const clock = manualClock();
    const send = sendToBus(busArn, silentLog);
    const outcomes = createOutcomes({ deployment, metrics: { add() {} }, clock, send });
    for (const outcome of [...every, ...every]) outcomes.report(outcome);
    expect(events).toEqual([]);
    await outcomes.flush();
    await outcomes.flush();
    await until(() => expect(events).toHaveLength(2 * every.length));
    expect(new Set(events.map((event) => event['detail-type']))).toEqual(
      new Set(Object.keys(outcomeDetails)),
    );
    for (const { source, detail, 'detail-type': type } of events) {
      expect(source).toBe('servicenow-functions');
      const schema = Object.entries(outcomeDetails).find(([name]) => name === type)?.[1];
      expect(schema?.safeParse(detail).error).toBeUndefined();
      expect(detail).toMatchObject({ schemaVersion: 1, deployment });
    }
  });

  it('have the same id when the same thing is reported twice, and another for another thing', async () => {
    const { events } = await startBus();
    const clock = manualClock();
    const send = sendToBus(busArn, silentLog);
    const outcomes = createOutcomes({ deployment, metrics: { add() {} }, clock, send });
    const reported: readonly Outcome[] = [
      { type: 'Import Finished', ...ended },
      { type: 'Import Finished', ...ended, seconds: 9 },
      { type: 'Import Stopped', ...ended },
      { type: 'Import Finished', ...ended, importId: 'import-2' },
      deadLetter,
      deadLetter,
      // The next receive sent the letter again, as the first could not delete the message.
      { ...deadLetter, requestId: 'r-2', attempts: 2 },
      { ...deadLetter, queue: 'events' },
      applied,
      { ...applied, verdict: 'duplicate' },
    ];
    for (const outcome of reported) outcomes.report(outcome);
    await outcomes.flush();
    await until(() => expect(events).toHaveLength(reported.length));
    expect(new Set(events.map(({ detail }) => detail['id'])).size).toBe(6);
  });

  it('are counted, with a bus and without', async () => {
    const counted: MetricName[] = [];
    const metrics = { add: (name: MetricName) => void counted.push(name) };
    const outcomes = createOutcomes({ deployment, metrics, clock: manualClock() });
    for (const outcome of every) outcomes.report(outcome);
    await outcomes.flush();
    expect(counted.toSorted()).toEqual([
      'DeadLetters',
      'ImportsFinished',
      'ImportsStopped',
      'ImportsStopped',
      'ImportsStopped',
    ]);
  });

  it.each([
    ['does not exist', 'arn:aws:events:us-east-1:000000000000:event-bus/another', false],
    ['does not answer', busArn, true],
  ])('fail nothing when the bus %s, and are logged without what they say', async (_, bus, isDown) => {
    const { bridge } = await startBus();
    if (isDown) vi.stubEnv('AWS_ENDPOINT_URL_EVENTBRIDGE', 'http://127.0.0.1:9');
    expect(bridge.url).toContain('127.0.0.1');
    const lines: (LogFields | undefined)[] = [];
    const log = { ...silentLog, warn: (_name: string, fields?: LogFields) => void lines.push(fields) };
    const outcomes = createOutcomes({
      deployment,
      metrics: { add() {} },
      clock: manualClock(),
      send: sendToBus(bus, log),
    });
    outcomes.report(deadLetter);
    await outcomes.flush();
    expect(lines).toEqual([
      { type: 'Message Dead-Lettered', id: expect.any(String), reason: expect.any(String) },
    ]);
    expect(JSON.stringify(lines)).not.toContain('order-77');
  });
});
