import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createStateTable } from '../../../lib/aws/state-table.ts';
import { deadlineAt, systemClock } from '../../../lib/core/clock.ts';
import { startFaultProxy } from '../../faults/harness/fault-proxy.ts';
import { jumpingClock, manualClock } from '../core/manual-clock.ts';
import { startStateTable, stubDynamoDb } from './local-state-table.ts';

const key = (sk: string, pk = 'p') => ({ pk, sk });

it('reads 250 keys in three calls, in the order asked for, with gaps where nothing is', async () => {
  const { table, calls, forget } = await startStateTable(manualClock());
  const items = Array.from({ length: 125 }, (_, index) => ({ ...key(`k${index * 2}`), index }));
  await table.writeMany(items.map((put) => ({ put })));
  forget();
  const keys = Array.from({ length: 250 }, (_, index) => key(`k${index}`));
  const found = await table.readMany(keys);
  expect(found).toEqual(
    keys.map((each, index) => (index % 2 === 0 ? { ...each, index: index / 2 } : undefined)),
  );
  expect(calls.map(({ operation }) => operation)).toEqual(Array(3).fill('BatchGetItem'));
});

it('reads one key once that is asked for twice', async () => {
  const { table } = await startStateTable(manualClock());
  await table.put({ ...key('a'), value: 'x' });
  expect(await table.readMany([key('a'), key('a')])).toMatchObject([{ value: 'x' }, { value: 'x' }]);
});

it('writes 60 items in three calls, deletes among them', async () => {
  const { table, calls, forget } = await startStateTable(manualClock());
  await table.put(key('old'));
  forget();
  const puts = Array.from({ length: 59 }, (_, index) => ({ put: key(`k${index}`) }));
  await table.writeMany([{ delete: key('old') }, ...puts]);
  expect(calls.map(({ operation }) => operation)).toEqual(Array(3).fill('BatchWriteItem'));
  expect((await table.query('p')).map(({ sk }) => sk)).toEqual(puts.map(({ put }) => put.sk).toSorted());
});

it('keeps the last of two writes of one key in a batch', async () => {
  const { table } = await startStateTable(manualClock());
  await table.writeMany([{ put: { ...key('a'), value: 1 } }, { put: { ...key('a'), value: 2 } }]);
  expect(await table.read(key('a'))).toMatchObject({ value: 2 });
});

it('holds every kind of value', async () => {
  const { table } = await startStateTable(manualClock());
  const item = {
    ...key('a'),
    text: '',
    number: -1.5,
    yes: true,
    none: null,
    list: ['a', 1],
    map: { in: ['x'] },
  };
  await table.put(item);
  expect(await table.read(key('a'))).toEqual(item);
});

it('treats an item that has expired as absent, in reads, lists and conditions', async () => {
  const clock = manualClock(1_700_000_000_000);
  const { table } = await startStateTable(clock);
  const item = { ...key('a'), expiresAt: 1_700_000_010 };
  await table.put(item);
  expect(await table.read(item)).toEqual(item);
  expect(await table.put(item, { is: 'absent' })).toBe(false);
  await clock.advance(10_000);
  expect([await table.read(item), ...(await table.readMany([item])), ...(await table.query('p'))]).toEqual([
    undefined,
    undefined,
  ]);
  expect(await table.update(item, { set: { n: 1 } }, { is: 'present' })).toBeUndefined();
  expect(await table.put(key('a'), { is: 'absent' })).toBe(true);
});

it('lets one of sixteen win that put the same key at once', async () => {
  const { table } = await startStateTable(manualClock());
  const puts = Array.from({ length: 16 }, (_, owner) => table.put({ ...key('a'), owner }, { is: 'absent' }));
  expect((await Promise.all(puts)).filter(Boolean)).toHaveLength(1);
});

it('changes an item only while its condition holds', async () => {
  const { table } = await startStateTable(manualClock());
  const free = {
    anyOf: [
      { attribute: 'owner', exists: false },
      { attribute: 'until', operator: '<', value: 5 },
    ],
  } as const;
  expect(await table.update(key('a'), { set: { owner: 'x', until: 5 }, add: { version: 1 } }, free)).toEqual({
    ...key('a'),
    owner: 'x',
    until: 5,
    version: 1,
  });
  expect(await table.update(key('a'), { set: { owner: 'y' } }, free)).toBeUndefined();
  const mine = {
    allOf: [
      { attribute: 'owner', operator: '=', value: 'x' },
      { attribute: 'version', operator: '=', value: 1 },
    ],
  } as const;
  expect(await table.update(key('a'), { remove: ['owner'], add: { version: 1 } }, mine)).toEqual({
    ...key('a'),
    until: 5,
    version: 2,
  });
  expect(await table.put(key('a'), mine)).toBe(false);
  await table.delete(key('a'));
  expect(await table.read(key('a'))).toBeUndefined();
});

it('lists a partition by prefix and range, in both orders and up to a limit that counts live items only', async () => {
  const { table } = await startStateTable(manualClock(1_700_000_000_000));
  const names = ['a#1', 'a#2', 'b#1', 'b#2', 'b#3', 'c#1'];
  await table.writeMany(names.map((sk) => ({ put: key(sk) })));
  await table.writeMany([{ put: { ...key('b#2'), expiresAt: 1 } }, { put: key('b#1', 'other') }]);
  const list = async (range: Parameters<typeof table.query>[1]) =>
    (await table.query('p', range)).map(({ sk }) => sk);
  expect(await list({ prefix: 'b#' })).toEqual(['b#1', 'b#3']);
  expect(await list({ prefix: 'b#', limit: 2 })).toEqual(['b#1', 'b#3']);
  expect(await list({ from: 'a#2', to: 'b#1' })).toEqual(['a#2', 'b#1']);
  expect(await list({ from: 'b#3' })).toEqual(['b#3', 'c#1']);
  expect(await list({ to: 'a#2', descending: true })).toEqual(['a#2', 'a#1']);
  expect(await list({ limit: 1, descending: true })).toEqual(['c#1']);
});

it('reads on where a page ends', async () => {
  const { table } = await startStateTable(manualClock());
  const text = 'x'.repeat(300_000);
  await table.writeMany(Array.from({ length: 8 }, (_, index) => ({ put: { ...key(`k${index}`), text } })));
  expect(await table.query('p')).toHaveLength(8);
});

describe('a write under a condition whose answer is lost, and which the SDK sends again', () => {
  /** A table whose next answers are cut off once DynamoDB has done its work. */
  async function startLosing() {
    const { table, calls, forget } = await startStateTable(manualClock());
    const target = process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? '';
    const proxy = await startFaultProxy(() => target);
    onTestFinished(() => proxy.close());
    let left = 0;
    proxy.decide = () => (left-- > 0 ? { kind: 'cut-after' } : undefined);
    stubDynamoDb(proxy.url);
    const lose = (answers: number) => {
      left = answers;
      forget();
    };
    return { table, calls, lose };
  }

  const isFree = { attribute: 'owner', exists: false } as const;

  it('is not refused by its own effect', async () => {
    const { table, calls, lose } = await startLosing();
    lose(1);
    expect(await table.put({ ...key('a'), owner: 'x' }, { is: 'absent' })).toBe(true);
    expect(calls).toHaveLength(2);
    lose(2);
    expect(await table.update(key('b'), { set: { owner: 'x' }, add: { n: 1 } }, isFree)).toEqual({
      ...key('b'),
      owner: 'x',
      n: 1,
    });
    expect(calls).toHaveLength(3);
    expect(await table.readMany([key('a'), key('b')])).toEqual([
      { ...key('a'), owner: 'x' },
      { ...key('b'), owner: 'x', n: 1 },
    ]);
  });

  it('is refused by the effect of another one, also where the item was marked before', async () => {
    const { table, lose } = await startLosing();
    await table.put({ ...key('a'), owner: 'x' }, { is: 'absent' });
    lose(1);
    expect(await table.put({ ...key('a'), owner: 'y' }, { is: 'absent' })).toBe(false);
    lose(1);
    expect(await table.update(key('a'), { set: { owner: 'y' } }, isFree)).toBeUndefined();
    expect(await table.read(key('a'))).toEqual({ ...key('a'), owner: 'x' });
  });
});

it('takes attribute names that DynamoDB reserves', async () => {
  const { table } = await startStateTable(manualClock());
  await table.update(key('a'), { set: { name: 'x', status: 'y', timestamp: 1 } });
  expect(await table.put(key('a'), { attribute: 'status', operator: '=', value: 'y' })).toBe(true);
});

it('sends again what DynamoDB did not process, and gives up when the deadline comes first', async () => {
  const clock = jumpingClock();
  const throttled = await startThrottlingDynamoDb(3);
  const table = createStateTable('t', clock, () => 0.5);
  await table.writeMany([{ put: key('a') }]);
  expect(await table.readMany([key('a')])).toEqual([key('a')]);
  expect(throttled.requests).toBe(8);
  expect(clock.sleeps).toHaveLength(6);
  throttled.refuse(100);
  const deadline = deadlineAt(clock.now() + 5_000, clock);
  await expect(table.readMany([key('a')], { deadline })).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
  await expect(table.writeMany([{ put: key('a') }], { deadline })).rejects.toMatchObject({
    code: 'STATE_UNAVAILABLE',
  });
});

it('says what is wrong with a table that does not exist', async () => {
  await startStateTable(manualClock());
  const table = createStateTable('missing', systemClock, Math.random);
  await expect(table.read(key('a'))).rejects.toMatchObject({
    code: 'CONFIGURATION_INVALID',
    message: 'STATE_TABLE: there is no such table in this account and region',
  });
});

it('waits for a DynamoDB that does not answer no longer than the deadline or the signal', async () => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    server.close();
  });
  stubDynamoDb(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const table = createStateTable('t', systemClock, Math.random);
  const deadline = deadlineAt(Date.now() + 30, systemClock);
  await expect(table.read(key('a'), { deadline })).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
  await expect(table.put(key('a'), undefined, { signal: AbortSignal.timeout(30) })).rejects.toMatchObject({
    code: 'STATE_UNAVAILABLE',
  });
});

it('ignores what other clients stored without an expiry', async () => {
  const { table, client, name } = await startStateTable(manualClock());
  await client.send(
    new PutItemCommand({ TableName: name, Item: { pk: { S: 'p' }, sk: { S: 'a' }, n: { N: '7' } } }),
  );
  expect(await table.read(key('a'))).toEqual({ ...key('a'), n: 7 });
});

/** Answers like a DynamoDB that leaves everything of the first `refusals` requests of each operation unprocessed. */
async function startThrottlingDynamoDb(refusals: number) {
  let left: Record<string, number> = {};
  let allowed = refusals;
  let requests = 0;
  const server = createServer(async (request, response) => {
    requests += 1;
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
    const { RequestItems } = JSON.parse(await textOf(request));
    left[operation] = (left[operation] ?? allowed) - 1;
    const refused = (left[operation] ?? 0) >= 0;
    const body =
      operation === 'BatchGetItem'
        ? {
            Responses: refused ? {} : { t: RequestItems.t.Keys },
            UnprocessedKeys: refused ? RequestItems : {},
          }
        : { UnprocessedItems: refused ? RequestItems : {} };
    response.setHeader('content-type', 'application/x-amz-json-1.0').end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    server.close();
  });
  stubDynamoDb(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    get requests() {
      return requests;
    },
    refuse(count: number) {
      left = {};
      allowed = count;
    },
  };
}

async function textOf(request: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
