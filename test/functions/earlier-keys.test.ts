import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as z from 'zod';
import type { StateItem } from '../../lib/aws/state-table.ts';
import { postRecordStagingTable, postRecordsStagingTable } from '../../lib/operations/import-set.ts';
import { deleteRecordById, patchRecordById, postRecord } from '../../lib/operations/table.ts';
import type { TestRequest } from '../lib/gateway/lambda-events.ts';
import { startBothWays } from './both-ways.ts';

const row = z.record(z.string(), z.string());
const operations = {
  postRecord,
  patchRecordById,
  deleteRecordById,
  postRecordStagingTable,
  postRecordsStagingTable,
};
const operationName = z.enum([
  ...(['postRecord', 'patchRecordById', 'deleteRecordById'] as const),
  ...(['postRecordStagingTable', 'postRecordsStagingTable'] as const),
]);
const request = z.custom<TestRequest & { readonly headers: Readonly<Record<string, string>> }>(
  (one) => typeof one === 'object',
);

/**
 * What the HTTP API left before the commit 5fdf69b, when it kept its keys by itself: its items of the state table, the rows of the
 * instance, and the calls that it had carried out. The answers to some were lost.
 */
const earlier = z
  .object({
    writtenAt: z.string(),
    items: z.array(z.custom<StateItem>((item) => typeof item === 'object')),
    rows: z.record(z.string(), z.array(row)),
    calls: z.array(z.object({ operation: operationName, request, wasLost: z.boolean() })),
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, 'earlier-keys.json'), 'utf8')));

async function upgrade() {
  const world = await startBothWays(
    {
      environment: { CORRELATION_ID_TABLES: 'problem' },
      instance: { demoData: false, switches: { ignoreGivenSysIdOn: ['change_request'] } },
    },
    undefined,
    Date.parse(earlier.writtenAt) + 600_000,
  );
  const { queue, store } = world;
  for (const [table, rows] of Object.entries(earlier.rows)) for (const one of rows) store.seed(table, one);
  for (const item of earlier.items) await queue.state.table.put(item);
  const held = () =>
    Object.fromEntries(Object.keys(earlier.rows).map((table) => [table, store.select(table)]));
  const repeatAll = async () => {
    const statuses: Record<string, number | undefined> = {};
    for (const { operation, request: one } of earlier.calls)
      statuses[one.headers['idempotency-key'] ?? ''] = (
        await world.http(operations[operation], one)
      ).statusCode;
    return statuses;
  };
  return { ...world, held, repeatAll };
}

it('repeats nothing that the HTTP API did when it kept its keys by itself', async () => {
  const { held, repeatAll } = await upgrade();
  const before = held();
  for (let round = 0; round < 2; round += 1)
    expect(await repeatAll()).toEqual({
      ...{ posted: 200, 'posted-lost': 200, ignored: 200 },
      ...{ patched: 200, 'patched-lost': 200, deleted: 204, 'deleted-lost': 204 },
      ...{ imported: 200, 'imported-many': 200, 'imported-lost': 504 },
    });
  expect(held()).toEqual(before);
});

it('still knows a key of that time that is used for another write', async () => {
  const { http, held } = await upgrade();
  const before = held();
  for (const { operation, request: one } of earlier.calls) {
    if (operation !== 'patchRecordById') continue;
    const other = { ...one, body: JSON.stringify({ urgency: '2' }) };
    expect(await http(operations[operation], other)).toMatchObject({ statusCode: 422 });
  }
  expect(held()).toEqual(before);
});

it('still knows which tables ignored a given sys_id', async () => {
  const { http, store } = await upgrade();
  const [, , ignored] = earlier.calls;
  const one = { method: 'POST', url: '/api/now/table/change_request', body: '{}', headers: {} };
  expect(ignored?.request.url).toBe(one.url);
  const answer = await http(postRecord, { ...one, headers: { 'idempotency-key': 'new' } });
  expect(answer).toMatchObject({ statusCode: 201 });
  expect(answer.headers).not.toHaveProperty('idempotency-warning');
  expect(store.select('change_request')).toHaveLength(2);
});
