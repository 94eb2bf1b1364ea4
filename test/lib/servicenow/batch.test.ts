import { describe, expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../../../emulator/instance/index.ts';
import { sendBatch } from '../../../lib/servicenow/batch.ts';
import type { ServiceNowRequest } from '../../../lib/servicenow/call.ts';
import { json, scriptedServer } from './scripted-server.ts';
import { basic, callContext, clientFor } from './testing.ts';

const create = (sysId: string): ServiceNowRequest => ({
  method: 'POST',
  path: '/api/now/table/incident',
  query: new URLSearchParams({ sysparm_fields: 'sys_id,short_description' }),
  body: { sys_id: sysId, short_description: 'Straße ✓' },
  repeatable: 'keyed',
});
/** The ids that the items of a batch were sent with. */
function idsIn({ body }: { readonly body: string }): readonly string[] {
  const { rest_requests }: { rest_requests: { id: string }[] } = JSON.parse(body);
  return rest_requests.map(({ id }) => id);
}

const encode = (body: unknown) => Buffer.from(JSON.stringify(body)).toString('base64');

describe('a batch', () => {
  it('gives each item the answer or the error that a call of its own would have had', async () => {
    const instance = await startInstance();
    onTestFinished(() => instance.close());
    const auth = { type: 'basic', username: instance.username, password: instance.password } as const;
    const client = clientFor({ instanceUrl: instance.url, auth });
    const [a, b] = ['a'.repeat(32), 'b'.repeat(32)];
    const remove: ServiceNowRequest = {
      method: 'DELETE',
      path: `/api/now/table/incident/${b}`,
      repeatable: 'never',
    };
    const outcomes = await sendBatch(
      client,
      [create(a), create(a), create(b), remove, remove],
      callContext(),
    );
    expect(outcomes).toMatchObject([
      {
        kind: 'answered',
        response: { status: 201, body: { result: { sys_id: a, short_description: 'Straße ✓' } } },
      },
      { kind: 'failed', error: { code: 'INSERT_REFUSED', status: 403 } },
      { kind: 'answered', response: { status: 201 } },
      { kind: 'answered', response: { status: 204 } },
      { kind: 'failed', error: { code: 'RECORD_NOT_FOUND' } },
    ]);
    expect(instance.state.store.find('incident', a)).toMatchObject({ short_description: 'Straße ✓' });
    expect(instance.state.store.find('incident', b)).toBeUndefined();
  });

  it('distinguishes items that were not reached from those that the answer does not mention', async () => {
    const { url } = await scriptedServer((response, seen) => {
      const [first, second, third] = idsIn(seen);
      json(response, 200, {
        batch_request_id: '1',
        serviced_requests: [
          {
            id: second,
            status_code: 200,
            body: encode({ error: { message: 'Transaction cancelled: maximum execution time exceeded' } }),
          },
          {
            id: first,
            status_code: 429,
            body: encode({ error: { message: 'x' } }),
            headers: [{ name: 'Retry-After', value: '9' }],
          },
        ],
        unserviced_requests: [third],
      });
    });
    const items = ['a', 'b', 'c', 'd'].map((letter) => create(letter.repeat(32)));
    const outcomes = await sendBatch(clientFor({ instanceUrl: url, auth: basic }), items, callContext());
    expect(outcomes).toMatchObject([
      { kind: 'failed', error: { code: 'THROTTLED', retryAfterMs: 9_000 } },
      { kind: 'failed', error: { code: 'TRANSACTION_CANCELLED', effect: 'unknown' } },
      { kind: 'unserviced' },
      { kind: 'failed', error: { code: 'OUTCOME_UNKNOWN' } },
    ]);
  });

  it('that is answered in part unreadably leaves only those items in doubt', async () => {
    const { url } = await scriptedServer((response, seen) => {
      const [first, second, third, fourth, fifth] = idsIn(seen);
      json(response, 200, {
        serviced_requests: [
          { id: first, status_code: 201, body: encode({ result: { sys_id: 'a' } }), headers: null },
          { id: second, status_code: 'OK' },
          { id: third, status_code: 204, headers: [{ name: 'X-Count', value: 7 }] },
          { id: fifth, status_code: 404 },
          null,
          { id: null, status_code: 404 },
        ],
        unserviced_requests: [{ id: fourth }, null],
      });
    });
    const items = ['a', 'b', 'c', 'd', 'e'].map((letter) => create(letter.repeat(32)));
    const outcomes = await sendBatch(clientFor({ instanceUrl: url, auth: basic }), items, callContext());
    expect(outcomes).toMatchObject([
      { kind: 'answered', response: { status: 201 } },
      { kind: 'failed', error: { code: 'OUTCOME_UNKNOWN' } },
      { kind: 'answered', response: { status: 204, headers: { 'x-count': '7' } } },
      { kind: 'unserviced' },
      { kind: 'failed', error: { code: 'RECORD_NOT_FOUND' } },
    ]);
  });

  it('counts no word about an item that is mentioned twice, or by an id that it was not given', async () => {
    const { url } = await scriptedServer((response, seen) => {
      const [first, second, third, fourth] = idsIn(seen);
      const made = (id: string | number | undefined) => ({
        id,
        status_code: 201,
        body: encode({ result: {} }),
      });
      json(response, 200, {
        serviced_requests: [
          ...[made(first), { id: first, status_code: 429 }, made(second), made(fourth)],
          ...[{ id: fourth, status_code: 'OK' }, made(4), made('4')],
        ],
        unserviced_requests: [second, third, third],
      });
    });
    const items = ['a', 'b', 'c', 'd', 'e'].map((letter) => create(letter.repeat(32)));
    const outcomes = await sendBatch(clientFor({ instanceUrl: url, auth: basic }), items, callContext());
    const inDoubt = { kind: 'failed', error: { code: 'OUTCOME_UNKNOWN', effect: 'unknown' } };
    expect(outcomes).toMatchObject(items.map(() => inDoubt));
  });

  it('is sent again after a lost answer only when every item may be', async () => {
    const { url, seen } = await scriptedServer((response) => void response.destroy());
    const client = clientFor({ instanceUrl: url, auth: basic }, { maxAttempts: 3 });
    const once: ServiceNowRequest = { ...create('a'.repeat(32)), repeatable: 'never' };
    await expect(sendBatch(client, [create('b'.repeat(32)), once], callContext())).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
    expect(seen).toHaveLength(1);
    await expect(sendBatch(client, [create('b'.repeat(32))], callContext())).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
    expect(seen).toHaveLength(4);
  });

  it('that was sent again after a lost answer leaves each write in doubt that the second copy did not carry out', async () => {
    let calls = 0;
    const { url } = await scriptedServer((response, seen) => {
      calls += 1;
      if (calls === 1) return void response.destroy();
      const [first, second, third, fourth] = idsIn(seen);
      const refused = { error: { message: 'Operation Failed', detail: 'Insert Aborted' }, status: 'failure' };
      json(response, 200, {
        batch_request_id: '1',
        serviced_requests: [
          { id: first, status_code: 403, body: encode(refused) },
          { id: second, status_code: 404, body: encode({ error: { message: 'No Record found' } }) },
        ],
        unserviced_requests: [third, fourth],
      });
    });
    const client = clientFor({ instanceUrl: url, auth: basic }, { maxAttempts: 3 });
    const read: ServiceNowRequest = { method: 'GET', path: '/api/now/table/incident/1', repeatable: 'read' };
    const items = [create('a'.repeat(32)), read, create('b'.repeat(32)), read];
    expect(await sendBatch(client, items, callContext())).toMatchObject([
      { kind: 'failed', error: { status: 403, effect: 'unknown', attempts: 2 } },
      { kind: 'failed', error: { status: 404, effect: 'none' } },
      { kind: 'failed', error: { code: 'OUTCOME_UNKNOWN', effect: 'unknown' } },
      { kind: 'unserviced' },
    ]);
  });

  it('of nothing sends nothing', async () => {
    expect(
      await sendBatch(clientFor({ instanceUrl: 'http://127.0.0.1:1', auth: basic }), [], callContext()),
    ).toEqual([]);
  });
});
