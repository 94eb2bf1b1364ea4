import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, it, onTestFinished } from 'vitest';
import {
  type DynamoDbOptions,
  type LocalDynamoDb,
  startDynamoDb,
} from '../../../../emulator/aws/dynamodb/dynamodb.ts';
import { table } from '../../../../emulator/aws/template/resources.ts';
import { keySchema } from '../../../lib/aws/local-state-table.ts';
import { manualClock } from '../../../lib/core/manual-clock.ts';
import { until } from '../../../until.ts';

const state = table('state', {
  ...keySchema,
  TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
  PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
  SSESpecification: { SSEEnabled: true },
});

type World = { readonly dynamodb: LocalDynamoDb; readonly client: DynamoDBClient };

async function start(options: DynamoDbOptions = {}): Promise<World> {
  const dynamodb = await startDynamoDb(options);
  await dynamodb.ensureTable(state);
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DynamoDBClient({ endpoint: dynamodb.url, region: 'us-east-1', credentials });
  onTestFinished(() => client.destroy());
  return { dynamodb, client };
}

async function startForTest(options: DynamoDbOptions = {}): Promise<World> {
  const world = await start(options);
  onTestFinished(() => world.dynamodb.close());
  return world;
}

const key = (pk: string, sk = '0') => ({ pk: { S: pk }, sk: { S: sk } });
const put = (pk: string, more: Record<string, { S: string } | { N: string }> = {}, sk?: string) =>
  new PutItemCommand({ TableName: 'state', Item: { ...key(pk, sk), ...more } });
const get = async ({ client }: World, pk: string) =>
  (await client.send(new GetItemCommand({ TableName: 'state', Key: key(pk) }))).Item;

it('lets exactly one of sixteen racing conditional writes win', async () => {
  const { client } = await startForTest();
  const claims = Array.from({ length: 16 }, () =>
    client.send(
      new PutItemCommand({
        TableName: 'state',
        Item: key('claimed'),
        ConditionExpression: 'attribute_not_exists(pk)',
      }),
    ),
  );
  const results = await Promise.allSettled(claims);
  const lost = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  expect(lost).toHaveLength(15);
  for (const reason of lost) expect(reason).toBeInstanceOf(ConditionalCheckFailedException);
});

it('takes batches of 25 writes and 100 reads, and answers a query in the order of its sort key', async () => {
  const { client } = await startForTest();
  const names = Array.from({ length: 25 }, (_, index) => String(index).padStart(2, '0'));
  const writes = names.toReversed().map((sk) => ({ PutRequest: { Item: key('line', sk) } }));
  await client.send(new BatchWriteItemCommand({ RequestItems: { state: writes } }));
  const asked = Array.from({ length: 100 }, (_, index) => key('line', String(index).padStart(2, '0')));
  const read = await client.send(new BatchGetItemCommand({ RequestItems: { state: { Keys: asked } } }));
  expect(read.Responses?.['state']).toHaveLength(25);
  const page = await client.send(
    new QueryCommand({
      TableName: 'state',
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: 'line' } },
      Limit: 10,
    }),
  );
  expect(page.Items?.map(({ sk }) => sk?.S)).toEqual(names.slice(0, 10));
  expect(page.LastEvaluatedKey).toEqual(key('line', '09'));
});

it('keeps its items over a restart on the same folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dynamodb-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const first = await start({ folder });
  await first.client.send(put('kept', { note: { S: 'still here' } }));
  await first.dynamodb.close();
  const second = await startForTest({ folder });
  expect(await get(second, 'kept')).toMatchObject({ note: { S: 'still here' } });
});

it('deletes what has expired, and keeps what has not and what never does', async () => {
  const clock = manualClock();
  const world = await startForTest({ clock });
  const nowS = Math.floor(clock.now() / 1000);
  await world.client.send(put('gone', { expiresAt: { N: String(nowS + 59) } }));
  await world.client.send(put('later', { expiresAt: { N: String(nowS + 61) } }));
  await world.client.send(put('for ever'));
  await clock.advance(60_000);
  await until(async () => expect(await get(world, 'gone')).toBeUndefined());
  expect(await get(world, 'later')).toBeDefined();
  expect(await get(world, 'for ever')).toBeDefined();
});

it('refuses a table whose key is another one than that of its folder', async () => {
  const { dynamodb } = await startForTest();
  const other = { ...state, KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' as const }] };
  await expect(dynamodb.ensureTable(other)).rejects.toThrow('created with another key');
});

it('survives a caller that hangs up in the middle of its request', async () => {
  const world = await startForTest();
  const socket = connect(world.dynamodb.port, '127.0.0.1');
  await once(socket, 'connect');
  const head =
    'POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\nContent-Length: 999\r\n\r\n{';
  await new Promise((resolve) => socket.write(head, resolve));
  socket.resetAndDestroy();
  await world.client.send(put('after'));
  expect(await get(world, 'after')).toBeDefined();
});

it('answers a call without a signature, as everything local does', async () => {
  const { dynamodb } = await startForTest();
  const answer = await fetch(dynamodb.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'DynamoDB_20120810.DescribeTable',
    },
    body: JSON.stringify({ TableName: 'state' }),
  });
  expect(await answer.json()).toMatchObject({ Table: { TableStatus: 'ACTIVE' } });
});
