import { createHash } from 'node:crypto';
import { CloudWatchClient, DeleteAlarmsCommand, PutCompositeAlarmCommand } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import {
  LambdaClient,
  ListDurableExecutionsByFunctionCommand,
  StopDurableExecutionCommand,
} from '@aws-sdk/client-lambda';
import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { type MessageAttributeValue, SendMessageCommand } from '@aws-sdk/client-sqs';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { expect, it, onTestFinished, vi } from 'vitest';
import { digestOf } from '../../lib/aws/digest.ts';
import { alarmEvent, putAlarm, setAlarm, signalOf } from '../e2e/alarms.ts';
import { loadData, loadSchema } from '../lib/file-import/load-table.ts';
import { SecrecyWatch } from '../secrecy/watch.ts';
import type { Treatment } from './harness/fault-proxy.ts';
import { setProperty, startFaultStack } from './harness/fault-stack.ts';

const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
const patiently = { timeout: 240_000, interval: 200 };
const someId = 'e'.repeat(32);
const busArn = 'arn:aws:events:us-east-1:000000000000:event-bus/default';

/** Rights that the local stack cannot see used, or that only other settings need, with the reason. */
const excepted: readonly { readonly is: RegExp; readonly because: string }[] = [
  { is: /^\S+ logs:/, because: 'Lambda itself writes the logs, for which the local stack has no service' },
  { is: /^importCsv s3:GetObject \S+\/imports\//, because: 'a bucket of one’s own may keep no versions' },
  {
    is: /^importCsv s3:AbortMultipartUpload /,
    because: 'an upload of more than 5 MB breaks: test/lib/aws/s3-upload.test.ts',
  },
  { is: / secretsmanager:GetSecretValue \S+:storm\//, because: 'the second instance, in the same statement' },
];

async function start() {
  const stack = await startFaultStack({
    watch: new SecrecyWatch(),
    instance: { schema: loadSchema, data: loadData, switches: { transformDelayMs: 3_000 } },
    roles: ['admin'],
    // A history of several pages, so that the function asks for the others.
    durableLimits: { pageSize: 2 },
    environment: {
      ALLOWED_TABLES: '*',
      CORRELATION_ID_TABLES: 'problem',
      METHOD_OVERRIDES: 'PATCH',
      OUTCOME_BUS: busArn,
    },
    template(template) {
      for (const [name, Default] of [
        ['RedriveEvery', 'rate(6 hours)'],
        ['RedropEvery', 'rate(6 hours)'],
        ['DropRetentionInDays', '30'],
        ['OutcomeBusArn', busArn],
        ['RecordsFifo', 'true'],
        // A write whose answer was lost is looked for after so long.
        ['RecordsInDoubtSeconds', '1'],
      ] as const)
        template.Parameters[name] = { ...template.Parameters[name], Default };
      for (const queue of ['RecordsQueue', 'RecordsFifoQueue', 'EventsQueue', 'ImportQueue'])
        setProperty(template, queue, 'VisibilityTimeout', 60);
    },
  });
  onTestFinished(async () => {
    await stack.close();
  });
  const unused = () =>
    stack.stack.access
      .unused()
      .map(
        ({ functionName, action, resource }) =>
          `${functionName.replace('servicenow-functions-dev-', '')} ${action} ${resource}`,
      )
      .filter((grant) => !excepted.some(({ is }) => is.test(grant)));
  return { ...stack, unused };
}

type World = Awaited<ReturnType<typeof start>>;

/** Waits until these functions have used all their rights but these. */
async function untilUsed({ unused }: World, functions: RegExp, except: readonly string[] = []) {
  await vi.waitFor(() => {
    const left = unused().filter((grant) => functions.test(grant));
    expect(left.filter((grant) => !except.some((one) => grant.includes(one)))).toEqual([]);
  }, patiently);
}

/** How an instance, or what stands in front of it, refuses a call. */
function refusal(status: number, message: string): Treatment {
  const body = JSON.stringify({ error: { message, detail: '' }, status: 'failure' });
  const headers = { 'content-type': 'application/json' };
  return { kind: 'answer', answer: { status, headers, body: Buffer.from(body) } };
}

/** Calls every operation; a key of a write that is refused is remembered, looked up and forgotten. */
async function callEveryOperation(
  { stack, instances }: World,
  answer: () => Treatment | undefined = () => undefined,
): Promise<void> {
  const record = `/api/now/table/incident/${someId}`;
  const keyed = { 'idempotency-key': 'rights-1' };
  const override = { 'x-http-method-override': 'PATCH', ...keyed };
  const list = { id: '1', method: 'GET', url: '/api/now/table/incident?sysparm_limit=1', headers: [] };
  const change = { id: '2', method: 'PATCH', url: record, body: btoa('{"urgency":"1"}') };
  const keyedChange = { ...change, headers: [{ name: 'idempotency-key', value: 'rights-2' }] };
  const ci = { attributes: { name: 'a' }, source: 'ServiceNow' };
  const relation = { outbound_relations: [{ type: someId, target: someId }], source: 'ServiceNow' };
  const signal = {
    signal: 'open',
    source: 'generic',
    key: 'rights',
    at: '2026-11-02T08:00:00Z',
    eventId: 'e1',
  };
  const calls: [string, string, object?, Record<string, string>?][] = [
    ['GET', '/api/now/table/incident?sysparm_limit=1'],
    ['GET', record],
    ['POST', '/api/now/table/problem', { short_description: 'a' }, keyed],
    ['POST', '/api/now/table/no_such_table', { urgency: '1' }, keyed],
    ['PUT', record, { urgency: '1' }, keyed],
    ['PATCH', record, { urgency: '1' }, keyed],
    ['DELETE', record, {}, keyed],
    ['GET', '/api/now/stats/incident?sysparm_count=true'],
    ['POST', '/api/now/import/no_such_staging', { u_code: '1' }, keyed],
    ['POST', '/api/now/import/no_such_staging/insertMultiple', { records: [{ u_code: '1' }] }, keyed],
    ['GET', `/api/now/import/imp_load/${someId}`],
    ['GET', '/api/now/attachment'],
    ['GET', `/api/now/attachment/${someId}`],
    ['GET', `/api/now/attachment/${someId}/file`],
    ['POST', `/api/now/attachment/file?table_name=incident&table_sys_id=${someId}&file_name=a.txt`, {}],
    ['PATCH', `/api/now/attachment/${someId}`, { file_name: 'b.txt' }],
    ['DELETE', `/api/now/attachment/${someId}`],
    ['GET', '/api/now/cmdb/instance/cmdb_ci?sysparm_limit=1'],
    ['POST', '/api/now/cmdb/instance/cmdb_ci', ci],
    ['PATCH', `/api/now/cmdb/instance/cmdb_ci/${someId}`, ci],
    ['POST', `/api/now/cmdb/instance/cmdb_ci/${someId}/relation`, relation],
    ['DELETE', `/api/now/cmdb/instance/cmdb_ci/${someId}/relation/${someId}`],
    ['GET', '/api/sn_sc/servicecatalog/catalogs'],
    ['POST', `/api/sn_sc/servicecatalog/items/${someId}/order_now`, { sysparm_quantity: '1' }],
    ['PUT', `/api/sn_sc/servicecatalog/cart/${someId}`, { sysparm_quantity: '2' }],
    ['DELETE', `/api/sn_sc/servicecatalog/cart/${someId}`],
    ['POST', '/api/now/batch', { batch_request_id: '1', rest_requests: [list, keyedChange] }],
    ['POST', record, { urgency: '1' }, override],
    ['POST', '/api/now/tinyurl', { url: '/api/now/table/incident?sysparm_limit=1' }],
    ['POST', '/signals', signal],
  ];
  // Only what is kept in the table is forgotten when the instance refuses it.
  instances.first.proxy.decide = ({ method, path }) =>
    method === 'POST' && path.includes('/table/problem') ? refusal(403, 'Operation Failed') : answer();
  for (const [method, path, body, headers] of calls) {
    const response = await fetch(`${stack.endpoints.api}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    await response.arrayBuffer();
  }
  instances.first.proxy.decide = () => undefined;
}

/** Writes under keys that take effect, where the instance chooses the sys_id: what came of each is remembered. */
async function keepResults({ stack }: World): Promise<void> {
  const calls: [string, object][] = [
    ['/api/now/table/problem', { short_description: 'rights' }],
    ['/api/now/import/imp_load', { u_code: 'rights-1' }],
    ['/api/now/import/imp_load/insertMultiple', { records: [{ u_code: 'rights-2' }] }],
  ];
  for (const [index, [path, body]] of calls.entries()) {
    const response = await fetch(`${stack.endpoints.api}${path}`, {
      ...{ method: 'POST', body: JSON.stringify(body) },
      headers: { 'content-type': 'application/json', 'idempotency-key': `kept-${index}` },
    });
    expect([path, response.status, await response.text()]).toEqual([path, 201, expect.anything()]);
  }
}

/** Deletes a record that there is, and loses the answer to an update in each way that there is to send one, until it is found out. */
async function loseAnswers(world: World): Promise<void> {
  const { stack, instances } = world;
  const { store } = instances.first.instance.state;
  const seed = (sys_id: string) =>
    store.seed('incident', { sys_id, short_description: 'rights', correlation_id: sys_id });
  const call = async (method: string, path: string, body: object, headers: Record<string, string> = {}) => {
    const response = await fetch(`${stack.endpoints.api}${path}`, {
      ...{ method, body: JSON.stringify(body) },
      headers: { 'content-type': 'application/json', ...headers },
    });
    await response.arrayBuffer();
  };
  seed('0'.repeat(32));
  await call('DELETE', `/api/now/table/incident/${'0'.repeat(32)}`, {});
  const note = { work_notes: 'rights' };
  const keyed = (name: string) => ({ 'idempotency-key': `lost-${name}` });
  const ways: readonly [name: string, send: (path: string) => Promise<void>][] = [
    ['putRecordById', (path) => call('PUT', path, note, keyed('put'))],
    ['patchRecordById', (path) => call('PATCH', path, note, keyed('patch'))],
    [
      'postMethodOverride',
      (path) => call('POST', path, note, { ...keyed('override'), 'x-http-method-override': 'PATCH' }),
    ],
    [
      'postBatch',
      (url) => {
        const headers = [{ name: 'idempotency-key', value: 'lost-batch' }];
        const part = { id: '1', method: 'PATCH', url, headers, body: btoa(JSON.stringify(note)) };
        return call('POST', '/api/now/batch', { batch_request_id: '1', rest_requests: [part] });
      },
    ],
  ];
  for (const [index, [name, send]] of ways.entries()) {
    const sysId = String(index + 1).repeat(32);
    seed(sysId);
    instances.first.proxy.decide = ({ method, path }) =>
      /^(PUT|PATCH)$/.test(method) && path.includes(sysId) ? { kind: 'cut-after' } : undefined;
    await send(`/api/now/table/incident/${sysId}`);
    instances.first.proxy.decide = () => undefined;
    await vi.waitFor(async () => {
      await send(`/api/now/table/incident/${sysId}`);
      const left = world.unused().filter((grant) => grant.startsWith(`${name} dynamodb`));
      expect(left).toEqual([]);
    }, patiently);
  }
}

const tenAttributes = Object.fromEntries(
  Array.from({ length: 10 }, (_, i): [string, MessageAttributeValue] => [
    `a${i}`,
    { DataType: 'String', StringValue: 'x' },
  ]),
);
const text = (StringValue: string): MessageAttributeValue => ({ DataType: 'String', StringValue });

async function send({ sqs, stack }: World, queue: string, body: object, attributes = {}, group = true) {
  const QueueUrl = `${stack.sqs.url}/000000000000/${queue}`;
  await sqs.send(
    new SendMessageCommand({
      QueueUrl,
      MessageBody: JSON.stringify(body),
      MessageAttributes: attributes,
      ...(group &&
        queue.endsWith('.fifo') && { MessageGroupId: 'g', MessageDeduplicationId: crypto.randomUUID() }),
    }),
  );
}

/** Writes a journal note, messages that can never be written, and one while the instance is out. */
async function writeMessages(world: World): Promise<void> {
  const { first } = world.instances;
  const sys_id = 'd'.repeat(32);
  first.instance.state.store.seed('incident', { sys_id, short_description: 'noted' });
  const queues = ['RecordsQueue', 'RecordsFifoQueue.fifo'];
  const note = { action: 'update', table: 'incident', sysId: sys_id, record: { work_notes: 'a' }, key: 'n1' };
  await send(world, 'RecordsQueue', note);
  for (const queue of queues) await send(world, queue, { table: 'incident' }, tenAttributes);
  await untilUsed(world, /^writeRecords dynamodb|^writeRecords sqs:SendMessage/);
  first.proxy.decide = () => refusal(503, 'out');
  for (const queue of queues) await send(world, queue, { table: 'incident', record: { urgency: '1' } });
  await untilUsed(world, /^writeRecords sqs/);
  first.proxy.decide = () => undefined;
}

/** Dead letters that go back, that stay, and that have no room for their reason. */
async function redrive(world: World): Promise<void> {
  const body = { table: 'incident', record: { urgency: '1' } };
  for (const queue of ['RecordsDeadLetterQueue', 'RecordsFifoDeadLetterQueue.fifo']) {
    await send(world, queue, body, { ErrorCode: text('INSTANCE_UNAVAILABLE'), key: text('k') });
    await send(world, queue, body, { ErrorCode: text('TABLE_NOT_ALLOWED'), key: text('l') });
    await send(world, queue, body, tenAttributes);
  }
  await world.stack.host.invoke(world.arn('redriveRecords'), {});
}

/** Events that become signals, that cannot be read, and one while the records queue refuses all. */
async function mapEvents(world: World): Promise<void> {
  await send(world, 'EventsQueue', { nothing: 'known' }, tenAttributes);
  await send(world, 'EventsQueue', alarmEvent('rights', 'ALARM', 0));
  await untilUsed(world, /^mapEvents (dynamodb|sqs:Send)/);
  world.sqsProxy.decide = ({ action, body }) =>
    action.startsWith('SendMessage') && body.includes('RecordsFifoQueue') ? overloaded : undefined;
  await send(world, 'EventsQueue', alarmEvent('rights', 'OK', 60));
  await untilUsed(world, /^mapEvents sqs/);
  world.sqsProxy.decide = () => undefined;
}

const overloaded: Treatment = {
  kind: 'answer',
  answer: {
    status: 503,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: Buffer.from('{"__type":"com.amazonaws.sqs#ServiceUnavailable","message":"Service is unavailable"}'),
  },
};

/** Opens records for an alarm that is gone and for findings, and asks their sources; another alarm was suppressed. */
async function reconcile(world: World): Promise<void> {
  const gone = 'long'.repeat(40);
  const cloudWatch = new CloudWatchClient({ ...local, endpoint: world.stack.cloudWatch.url });
  await putAlarm(cloudWatch, gone);
  await cloudWatch.send(new DeleteAlarmsCommand({ AlarmNames: [gone] }));
  // It has been reported as waiting for its suppressor, and sounds a second later.
  const waiting = { ActionsSuppressor: 'none', ActionsSuppressorWaitPeriod: 1 };
  await cloudWatch.send(
    new PutCompositeAlarmCommand({ AlarmName: 'all', AlarmRule: 'ALARM("one")', ...waiting }),
  );
  await setAlarm(cloudWatch, 'all', 'ALARM');
  cloudWatch.destroy();
  const at = new Date().toISOString();
  const about = [
    { source: 'cloudwatch-alarm', key: `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${gone}` },
    { source: 'security-hub', key: 'finding-1' },
    { source: 'security-hub-v2', key: 'finding-2' },
  ];
  for (const { source, key } of about)
    await send(world, 'RecordsFifoQueue.fifo', signalOf({ source, key, at, eventId: key }));
  await vi.waitFor(() => ageSignalKey(world), patiently);
  await vi.waitFor(async () => {
    await world.stack.host.invoke(world.arn('reconcileEvents'), {});
    const left = world.unused().filter((one) => /^reconcileEvents (cloud|dynamodb|security|sqs)/.test(one));
    expect(left).toEqual([]);
  }, patiently);
}

/** The key of a record that has no room for it was remembered weeks ago, so that it is remembered again. */
async function ageSignalKey({ instances, stack }: World): Promise<void> {
  const records = instances.first.instance.state.store.select('incident');
  const record = records.find(({ correlation_id = '' }) => correlation_id.includes(':alarm:long'));
  if (!record) throw new Error('the record is not there yet');
  const dynamodb = new DynamoDBClient({ ...local, endpoint: stack.dynamodb.url });
  await dynamodb.send(
    new UpdateItemCommand({
      TableName: stack.endpoints.dynamodb.stateTable,
      Key: marshall({ pk: `record#servicenow-functions/dev/first#${record['sys_id']}`, sk: '-' }),
      UpdateExpression: 'SET expiresAt = :soon',
      ConditionExpression: 'attribute_exists(signalKey)',
      ExpressionAttributeValues: marshall({ ':soon': Math.floor(Date.now() / 1_000) + 86_400 }),
    }),
  );
  dynamodb.destroy();
}

async function importFiles(world: World): Promise<void> {
  const { s3, stack } = world;
  const Bucket = stack.endpoints.s3.bucket;
  const put = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body }));
  const rows = (count: number) =>
    ['u_code,u_text', ...Array.from({ length: count }, (_, i) => `c${i},row ${i}`)].join('\n');
  const settings = { rowsPerRequest: 1, operationsPerExecution: 8 };
  await put('imports/imp_load/_import.json', JSON.stringify(settings));
  await put('imports/nowhere', 'x');
  const { ETag, VersionId } = await put('imports/imp_load/one.csv', rows(40));
  for (const name of ['two', 'three', 'four']) await put(`imports/imp_load/${name}.csv`, rows(3));
  for (const name of ['one', 'two']) await put(`imports/imp_user/${name}.csv`, 'user_id\na');
  for (const name of ['one', 'two']) await put(`imports/imp_computer/${name}.csv`, 'name\na');
  const summaries = async () =>
    ((await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'results/' }))).Contents ?? []).filter(
      ({ Key }) => Key?.endsWith('/summary.json'),
    ).length;
  await vi.waitFor(async () => expect(await summaries()).toBe(9), patiently);
  // The settings as they stood at a drop whose event comes late.
  await put('imports/imp_load/_import.json', '{}');
  const object = {
    key: 'imports/imp_load/one.csv',
    size: 1,
    eTag: ETag,
    versionId: VersionId,
    sequencer: '00',
  };
  const eventTime = new Date(Date.now() - 1_000).toISOString();
  const record = { eventName: 'ObjectCreated:Put', eventTime, s3: { bucket: { name: Bucket }, object } };
  await send(world, 'ImportQueue', { Records: [record] });
  await loseImports(world, put);
}

type Put = (key: string, body: string) => Promise<unknown>;

/**
 * An import ends while another that was started has not been heard of, and has the schedule looked at again; the execution of one
 * is stopped, its lease runs out, and the next drop finds it.
 */
async function loseImports(world: World, put: Put): Promise<void> {
  const { stack } = world;
  const { first } = world.instances;
  const lambda = new LambdaClient({ ...local, endpoint: stack.host.lambdaUrl });
  const dynamodb = new DynamoDBClient({ ...local, endpoint: stack.dynamodb.url });
  const FunctionName = world.arn('importCsv');
  const runningOne = () =>
    vi.waitFor(async () => {
      const ask = new ListDurableExecutionsByFunctionCommand({ FunctionName, Statuses: ['RUNNING'] });
      const { DurableExecutions: [one, ...others] = [] } = await lambda.send(ask);
      if (!one || others.length > 0) throw new Error('there is not one running import');
      return one.DurableExecutionArn;
    }, patiently);
  const TableName = stack.endpoints.dynamodb.stateTable;
  const Key = marshall({ pk: 'import-schedule', sk: 'running' });
  const changeLeases = (change: (leases: readonly object[]) => object[]) =>
    vi.waitFor(async () => {
      const { Item = {} } = await dynamodb.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
      const item = unmarshall(Item);
      // A revision of its own: a function that read the item before reads it again. So do we, where a function was quicker.
      const { revision } = item;
      const changed = { ...item, revision: revision + 1, wakeAtMs: 0, leases: change(item['leases']) };
      await dynamodb.send(
        new PutItemCommand({
          TableName,
          Item: marshall(changed),
          ConditionExpression: 'revision = :read',
          ExpressionAttributeValues: marshall({ ':read': revision }),
        }),
      );
    }, patiently);
  const untilNoneRuns = () =>
    vi.waitFor(async () => {
      const ask = new ListDurableExecutionsByFunctionCommand({ FunctionName, Statuses: ['RUNNING'] });
      expect((await lambda.send(ask)).DurableExecutions ?? []).toEqual([]);
    }, patiently);
  const unheard = { import: 'unheard', table: 'imp_other', place: 'nowhere', isConfirmed: false };
  // startImport, when it still looks at the schedule, may have it looked at again first: then another import ends so.
  for (let n = 1; world.unused().some((grant) => grant.startsWith('importCsv sqs')); n++) {
    expect(n).toBeLessThan(20);
    first.proxy.decide = () => refusal(503, 'out');
    await put(`imports/imp_load/slow-${n}.csv`, 'u_code\na');
    await runningOne();
    const grantedAtMs = Date.now() + 60_000;
    await changeLeases((leases) => [
      ...leases.filter((lease) => !('import' in lease && lease.import === 'unheard')),
      { ...unheard, grantedAtMs, untilMs: grantedAtMs + 3_600_000 },
    ]);
    first.proxy.decide = () => undefined;
    await untilNoneRuns();
  }
  first.proxy.decide = () => refusal(503, 'out');
  await put('imports/imp_load/lost.csv', 'u_code\na');
  const DurableExecutionArn = await runningOne();
  await lambda.send(new StopDurableExecutionCommand({ DurableExecutionArn }));
  // Its process may still be at work, and renew the lease.
  await world.kill('importCsv');
  first.proxy.decide = () => undefined;
  await changeLeases((leases) => leases.map((lease) => ({ ...lease, untilMs: 1 })));
  await put('imports/imp_load/next.csv', 'u_code\na');
  await untilUsed(world, /^startImport/);
  lambda.destroy();
  dynamodb.destroy();
}

/** Files whose imports were given up: of one the rows that were not sent, one whole, and one that is gone by now. */
async function dropAgain({ s3, stack, arn }: World): Promise<void> {
  const Bucket = stack.endpoints.s3.bucket;
  const dynamodb = new DynamoDBClient({ ...local, endpoint: stack.dynamodb.url });
  const tableName = stack.endpoints.dynamodb.stateTable;
  const put = (item: object) =>
    dynamodb.send(new PutItemCommand({ TableName: tableName, Item: marshall(item) }));
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const unsent = 'results/imp_load/part/unsent.csv';
  await s3.send(new PutObjectCommand({ Bucket, Key: unsent, Body: 'u_code\na' }));
  for (const name of ['part', 'whole', 'gone']) {
    // The folder of no staging table: nothing of it is imported.
    const key = `imports/imp_none/${name}.csv`;
    const { ETag = '', VersionId: versionId } = await s3.send(
      new PutObjectCommand({ Bucket, Key: key, Body: 'u_code\na' }),
    );
    if (name === 'gone') await s3.send(new DeleteObjectCommand({ Bucket, Key: key }));
    const target = `imports/imp_none/${name}~again-1.csv`;
    const first = { key, versionId, eTag: ETag.replaceAll('"', ''), import: name };
    const source = name === 'part' ? { key: unsent } : { key, versionId };
    const drop = JSON.stringify({ bucket: Bucket, source, target, redropped: { times: 1, first } });
    await put({ pk: 'import-redrop', sk: digestOf(target), state: 'due', drop });
    await vi.waitFor(async () => {
      // What its event has noted meanwhile is replaced.
      await put({ pk: `import-key#${sha256(`${Bucket}\n${key}`)}`, sk: 'newest', import: name });
      await stack.host.invoke(arn('redropImports'), {});
      const Key = marshall({ pk: 'import-redrop', sk: digestOf(target) });
      const { Item = {} } = await dynamodb.send(
        new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true }),
      );
      expect(unmarshall(Item)['state']).toBe('over');
    }, patiently);
  }
  dynamodb.destroy();
}

/** Everything that calls an instance finds its credentials rejected, and reports it. */
async function rejectCredentials(world: World): Promise<void> {
  const { first } = world.instances;
  const rejected = () => refusal(401, 'User Not Authenticated');
  first.instance.state.auth.tokens.revokeAll();
  await callEveryOperation(world, rejected);
  first.proxy.decide = rejected;
  await vi.waitFor(async () => {
    await world.stack.host.invoke(world.arn('reconcileEvents'), {});
    expect(world.unused().filter((one) => one.startsWith('reconcileEvents'))).toEqual([]);
  }, patiently);
}

it('each right of each function is used by some call, and no call needs another', async () => {
  const world = await start();
  await callEveryOperation(world);
  await keepResults(world);
  await loseAnswers(world);
  await writeMessages(world);
  await redrive(world);
  await mapEvents(world);
  await reconcile(world);
  await importFiles(world);
  await dropAgain(world);
  await world.stack.host.invoke(world.arn('doctor'), {});
  await rejectCredentials(world);
  expect(world.unused()).toEqual([]);
  expect(world.stack.access.refused).toEqual([]);
});
