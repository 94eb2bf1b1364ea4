import { setImmediate as nextTick } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { seededRandom } from '../../emulator/instance/control/seeded-random.ts';
import { type Instance, startInstance } from '../../emulator/instance/index.ts';
import { createConnections } from '../../lib/aws/connections.ts';
import type { StateTable } from '../../lib/aws/state-table.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { readConfig } from '../../lib/core/config.ts';
import type { LogFields } from '../../lib/core/log.ts';
import { silentMetrics } from '../../lib/core/metrics.ts';
import { postRecord } from '../../lib/operations/table.ts';
import { createRecordWriter } from '../../lib/record-queue/handler.ts';
import { operationHandler } from '../../lib/runtime.ts';
import { memoryStateTable } from '../lib/aws/memory-state-table.ts';
import { gatewayDeps } from '../lib/gateway/gateway-deps.ts';
import { httpEvent, lambdaContext } from '../lib/gateway/lambda-events.ts';

type Name = 'prod' | 'dev';
type Instances = Readonly<Record<Name, Instance>>;

const seed = Number(process.env['SEED'] ?? 1);

/** Two instances that know nothing of each other: own clients, own tokens. */
async function startInstances(): Promise<Instances> {
  const start = async (name: Name, instanceSeed: number) => {
    const instance = await startInstance({ seed: instanceSeed });
    onTestFinished(() => instance.close());
    const client = { clientId: `${name}-client`, clientSecret: `${name}-secret` };
    instance.state.auth.clients.add({ ...client, applicationUser: instance.username });
    return instance;
  };
  return { prod: await start('prod', 1), dev: await start('dev', 2) };
}

/** One process of a deployment of both: postRecord and writeRecords on the same connections. */
function startProcess(instances: Instances, stateTable: StateTable) {
  const config = readConfig({
    SERVICENOW_SECRET_ID: '{"prod":"prod","dev":"dev"}',
    ALLOWED_TABLES: '{"prod":"incident","dev":"incident,problem"}',
    ALLOWED_HOSTS: '127.0.0.1',
  });
  const lines: LogFields[] = [];
  const note = (event: string, fields: LogFields = {}) => void lines.push({ event, ...fields });
  const log = { debug: note, info: note, warn: note, error: note };
  const fetchSecret = async (id: string) => {
    const name = id === 'prod' ? 'prod' : 'dev';
    const auth = {
      type: 'oauth-client-credentials',
      clientId: `${name}-client`,
      clientSecret: `${name}-secret`,
    };
    return JSON.stringify({ instanceUrl: instances[name].url, auth });
  };
  const connections = createConnections({ config, log, fetchSecret });
  onTestFinished(() => connections.close());
  const deadLetterCodes: string[] = [];
  const { connect } = connections;
  const writeRecords = createRecordWriter({
    connect,
    queues: {
      standard: { url: 'queue', deadLetterUrl: 'dlq' },
      fifo: { url: 'queue', deadLetterUrl: 'dlq' },
      async send(_url, entries) {
        deadLetterCodes.push(
          ...entries.map(({ MessageAttributes }) => MessageAttributes?.['ErrorCode']?.StringValue ?? ''),
        );
        return [];
      },
      hide: async () => [],
    },
    settings: config.records,
    deployment: config.deployment,
    stateTable: () => stateTable,
    clock: systemClock,
    random: () => 0.5,
    log,
    metrics: silentMetrics,
  });
  const post = operationHandler(postRecord, () => gatewayDeps(config, connect, { log }));
  return { lines, deadLetterCodes, post, writeRecords };
}

type Process = ReturnType<typeof startProcess>;

/** An incident sent over HTTP; gives the status. */
async function postOverHttp(
  process: Process,
  instance: Name | undefined,
  marker: string,
  remainingMs: number,
) {
  const headers = {
    'content-type': 'application/json',
    'x-correlation-id': marker,
    ...(instance && { 'x-servicenow-instance': instance }),
  };
  const body = JSON.stringify({ short_description: marker });
  const event = httpEvent({ method: 'POST', url: '/api/now/table/incident', headers, body });
  const answer = await process.post(event, lambdaContext(remainingMs));
  return Number(Object(answer).statusCode);
}

const messageFor = (instance: string | undefined, table: string, marker: string) => ({
  messageId: marker,
  receiptHandle: marker,
  body: JSON.stringify({ table, record: { short_description: marker }, ...(instance && { instance }) }),
  attributes: {
    ApproximateReceiveCount: '1',
    SentTimestamp: '1',
    ApproximateFirstReceiveTimestamp: String(Date.now()),
  },
  eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:records',
});

const write = (process: Process, requestId: string, messages: readonly unknown[]) =>
  process.writeRecords(
    { Records: messages },
    { awsRequestId: requestId, getRemainingTimeInMillis: () => 60_000 },
  );

const markersOn = (instance: Instance) =>
  instance.state.store
    .select('incident', {})
    .map((row) => row['short_description'] ?? '')
    .filter((text) => /^p\d-/.test(text));

describe('a deployment of two instances', () => {
  it(`never mixes their tokens, records, logs or deadlines, however invocations of two processes interleave (SEED=${seed})`, async () => {
    const instances = await startInstances();
    const random = seededRandom(seed);
    for (const { control } of Object.values(instances)) {
      control.faults.add({ match: { path: '/oauth_token.do' }, action: 'latency', latencyMs: 150 });
      const match = { path: '/api/now/*' };
      control.faults.add({ match, action: 'latency', latencyMs: 5, probability: 0.5, count: 60, seed });
    }
    const table = memoryStateTable(systemClock);
    const processes = [startProcess(instances, table), startProcess(instances, table)];
    const expected: Record<Name, string[]> = { prod: [], dev: [] };
    const cutShort: number[] = [];
    const draw = (n: number) => {
      const at = random() < 0.5 ? 0 : 1;
      const name: Name = random() < 0.5 ? 'prod' : 'dev';
      const dice = random();
      return { at, name, dice, ticks: Math.floor(random() * 20), marker: `p${at}-${name}-${n}` };
    };
    const carryOut = async ({ at, name, dice, ticks, marker }: ReturnType<typeof draw>) => {
      const process = processes[at];
      if (!process) throw new Error('there are two processes');
      for (let tick = 0; tick < ticks; tick += 1) await nextTick();
      if (dice < 0.2) {
        cutShort.push(await postOverHttp(process, name, `p${at}-cut-${marker}`, 530));
      } else if (dice < 0.7) {
        expected[name].push(marker);
        expect(
          await postOverHttp(process, name === 'prod' && dice < 0.45 ? undefined : name, marker, 29_000),
        ).toBe(201);
      } else {
        const pair = [
          [name, marker],
          [name === 'prod' ? 'dev' : 'prod', `${marker}-too`],
        ] as const;
        for (const [to, text] of pair) expected[to].push(text);
        const messages = pair.map(([to, text]) => messageFor(to, 'incident', text));
        expect(await write(process, `p${at}-both-${marker}`, messages)).toEqual({ batchItemFailures: [] });
      }
    };
    await Promise.all(Array.from({ length: 120 }, (_, n) => draw(n)).map(carryOut));

    for (const name of ['prod', 'dev'] as const) {
      const written = markersOn(instances[name]).filter((marker) => !marker.includes('-cut-'));
      expect(written.toSorted()).toEqual(expected[name].toSorted());
      const ledger = instances[name].state.ledger.select({ limit: 10_000 });
      expect(ledger.filter(({ path }) => path === '/oauth_token.do')).toHaveLength(2);
      expect(ledger.filter(({ status }) => status === 401)).toEqual([]);
    }
    expect(cutShort.length).toBeGreaterThan(5);
    // Nothing was sent before the token came; a call that begins after that may have sent its record, and says so.
    expect(cutShort.filter((status) => status !== 503 && status !== 504)).toEqual([]);
    for (const [at, { lines }] of processes.entries()) {
      for (const { correlationId, instance } of lines) {
        const [process, name] = String(correlationId ?? `p${at}-`).split('-');
        expect(process).toBe(`p${at}`);
        if (name === 'prod' || name === 'dev') expect(instance).toBe(name);
      }
      expect(new Set(lines.map(({ instance }) => instance))).toEqual(new Set(['prod', 'dev', undefined]));
    }
  });

  it('serves each the tables that are listed for it, and no instance that is not listed, by every way in', async () => {
    const instances = await startInstances();
    const process = startProcess(instances, memoryStateTable(systemClock));
    const invoke = (instance: string, tableName: string) =>
      process.post({ tableName, instance, record: { short_description: 'x' } }, lambdaContext());
    await expect(invoke('dev', 'problem')).resolves.toMatchObject({ result: { short_description: 'x' } });
    await expect(invoke('prod', 'problem')).rejects.toMatchObject({ name: 'TableNotAllowedError' });
    await expect(invoke('absent', 'incident')).rejects.toMatchObject({ name: 'ConfigurationError' });
    const overHttp = async (instance: string) => {
      const headers = { 'content-type': 'application/json', 'x-servicenow-instance': instance };
      const request = { method: 'POST', url: '/api/now/table/problem', headers, body: '{}' };
      return Object(await process.post(httpEvent(request), lambdaContext())).statusCode;
    };
    expect([await overHttp('dev'), await overHttp('prod'), await overHttp('absent')]).toEqual([
      201, 403, 400,
    ]);
    const messages = [
      messageFor('dev', 'problem', 'm1'),
      messageFor('prod', 'problem', 'm2'),
      messageFor('absent', 'problem', 'm3'),
      messageFor(undefined, 'incident', 'p0-m4'),
    ];
    expect(await write(process, 'batch', messages)).toEqual({ batchItemFailures: [] });
    expect(process.deadLetterCodes).toEqual(['TABLE_NOT_ALLOWED', 'CONFIGURATION_INVALID']);
    expect(markersOn(instances.prod)).toEqual(['p0-m4']);
    expect(instances.prod.state.ledger.select({ path: 'problem' })).toEqual([]);
  });
});
