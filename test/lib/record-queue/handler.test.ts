import { describe, expect, it } from 'vitest';
import { type StateCall, StateUnavailableError } from '../../../lib/aws/state-calls.ts';
import type { StateTable } from '../../../lib/aws/state-table.ts';
import { recallReasons, rememberKey } from '../../../lib/record-queue/dead-letter.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { InstanceUnavailableError } from '../../../lib/servicenow/errors.ts';
import { create, deployment, incidents, journal, queue, start, times } from './writing.ts';

describe('a message that can never be written', () => {
  it.each([
    ['{"table":', 'body: is not valid JSON'],
    ['[]', 'body: must be a JSON object'],
    [{ record: {} }, 'table: required; a table name'],
    [{ table: '../x', record: {} }, 'table: must be a table name'],
    [{ table: 'incident' }, 'record: required'],
    [{ table: 'incident', record: [] }, 'record: required'],
    [{ table: 'incident', record: {}, priority: 1 }, 'priority: is not a known field'],
    [
      { table: 'incident', record: {}, action: 'replace' },
      'action: must be create, update, upsert, delete or signal',
    ],
    [{ table: 'incident', record: {}, action: 'update' }, 'sysId: required'],
    [{ table: 'incident', record: {}, action: 'upsert', match: {} }, 'match: must name'],
    [{ table: 'incident', record: {}, action: 'upsert', match: { a: '' } }, 'match.a: must not be empty'],
    [{ table: 'incident', record: {}, action: 'upsert', match: { a: ' ' } }, 'match.a: must not be empty'],
    [{ table: 'incident', record: {}, action: 'upsert', match: { a: 5 } }, 'match.a: must be text'],
    [{ table: 'incident', record: {}, action: 'upsert', match: { 'a^b': '5' } }, 'is not a column name'],
    [{ table: 'incident', record: { sys_id: '1' } }, 'record.sys_id: is derived'],
    [
      { table: 'incident', record: {}, options: { inputDisplayValues: true } },
      'options.inputDisplayValues: is not a known field',
    ],
    [{ table: 'incident', record: {}, key: '' }, 'key: must not be blank'],
    [{ table: 'incident', record: {}, instance: 'absent' }, 'instance: '],
    [{ table: 'nowhere', record: {} }, 'Invalid table'],
  ])('goes to the dead-letter queue with its reason, and touches no other: %j', async (body, reason) => {
    await start();
    expect(await queue.deliver([create('m1'), { id: 'bad', body }, create('m2')])).toEqual([]);
    expect(incidents()).toHaveLength(2);
    expect(queue.deadLetters).toMatchObject([
      { attributes: { ErrorMessage: expect.stringContaining(reason) } },
    ]);
  });

  it('is one whose key attribute holds bytes, as it would be written under another key each time', async () => {
    await start();
    await queue.deliver([
      { ...create('m1'), attributes: { IdempotencyKey: { dataType: 'Binary', binaryValue: 'AAEC' } } },
    ]);
    expect(queue.deadLetters).toMatchObject([
      { attributes: { ErrorMessage: expect.stringContaining('IdempotencyKey: '), IdempotencyKey: 'm1' } },
    ]);
    expect(incidents()).toEqual([]);
  });

  it('keeps its reason and its key where it fills a mebibyte, so that it can be redriven', async () => {
    await start();
    const filled = { table: 'incident', record: {}, wrong: '' };
    const wrong = 'x'.repeat(1_048_576 - JSON.stringify(filled).length);
    await queue.deliver([{ id: 'm1', body: JSON.stringify({ ...filled, wrong }) }]);
    const [letter] = queue.deadLetters;
    expect(letter?.attributes).toEqual({});
    const reasons = await recallReasons(letter?.body ?? '', queue.state.table, deployment);
    expect(reasons).toEqual([{ key: 'm1', code: 'INVALID_INPUT' }]);
  });

  it('is remembered with its key where ten attributes leave no place for the key on the way back', async () => {
    await start();
    const attributes = Object.fromEntries(
      times(10).map((index) => [`a${index}`, { dataType: 'String', stringValue: 'x' }]),
    );
    const body = { table: 'nowhere', record: {} };
    await queue.deliver([{ id: 'm1', body, attributes }]);
    expect(queue.deadLetters).toMatchObject([{ attributes: { IdempotencyKey: 'm1' } }]);
    const reasons = await recallReasons(JSON.stringify(body), queue.state.table, deployment);
    expect(reasons.map(({ key }) => key)).toEqual(['m1']);
  });

  it('keeps its key where its attributes leave no room for one', async () => {
    await start();
    const body = { table: 'incident', record: { sys_id: 'refused' } };
    const size = 1_048_570 - Buffer.byteLength(JSON.stringify(body)) - Buffer.byteLength('a1String');
    const attributes = { a1: { dataType: 'String', stringValue: 'x'.repeat(size) } };
    await queue.deliver([{ id: 'm1', body, attributes }]);
    await queue.deliver([{ id: 'redriven', body, attributes }]);
    const reasons = await recallReasons(JSON.stringify(body), queue.state.table, deployment);
    expect(reasons.map(({ key }) => key)).toEqual(['m1']);
  });

  it('waits for the state table no longer than there is time for the answer', async () => {
    const calls: (StateCall | undefined)[] = [];
    const throughTable = (table: StateTable): StateTable => ({
      ...table,
      query(pk, range, call) {
        calls.push(call);
        return table.query(pk, range, call);
      },
      put(item, condition, call) {
        calls.push(call);
        return table.put(item, condition, call);
      },
    });
    await start({ throughTable });
    const attributes = Object.fromEntries(
      times(10).map((index) => [`a${index}`, { dataType: 'String', stringValue: 'x' }]),
    );
    await queue.deliver([{ id: 'm1', body: { table: 'nowhere', record: {} }, attributes }]);
    expect(calls).toHaveLength(2);
    for (const call of calls) expect(call?.deadline?.remainingMs()).toBeLessThanOrEqual(60_000);
  });

  it('keeps its key where only the body holds it, however often it fails again', async () => {
    await start();
    const attributes = Object.fromEntries(
      times(10).map((index) => [`a${index}`, { dataType: 'String', stringValue: 'x' }]),
    );
    const body = { table: 'incident', record: { sys_id: 'refused' } };
    await queue.deliver([{ id: 'm1', body, attributes }]);
    await queue.deliver([{ id: 'redriven', body, attributes }]);
    await queue.deliver([{ id: 'redriven again', body, attributes }]);
    expect(queue.deadLetters.map(({ attributes: said }) => said['IdempotencyKey'])).toEqual([
      'm1',
      'm1',
      'm1',
    ]);
    const reasons = await recallReasons(JSON.stringify(body), queue.state.table, deployment);
    expect(reasons.map(({ key }) => key)).toEqual(['m1']);
  });

  it('is moved back once under its key, which no new message with its body takes for its own', async () => {
    const role = 'AROAEXAMPLE';
    await start({ environment: { TRUSTED_SENDERS: role } });
    const attributes = Object.fromEntries(
      times(10).map((index) => [`a${index}`, { dataType: 'String', stringValue: 'x' }]),
    );
    const sysId = 'e'.repeat(32);
    const body = { action: 'update', table: 'incident', sysId, record: { work_notes: 'check the disk' } };
    await queue.deliver([{ id: 'm1', body, attributes }]);
    expect(queue.deadLetters).toHaveLength(1);
    queue.instance.state.store.seed('incident', { sys_id: sysId });
    // A redrive that died has moved it twice.
    for (const id of ['back', 'back once more'])
      await queue.deliver([{ id, body, attributes, sender: `${role}:redrive` }]);
    expect(journal(sysId)).toHaveLength(1);
    for (const id of ['new', 'newer']) await queue.deliver([{ id, body, attributes }]);
    expect(journal(sysId)).toHaveLength(3);
  });

  it('shares its body with another that comes back as well: each is written once, under a key of its own', async () => {
    await start();
    const attributes = Object.fromEntries(
      times(10).map((index) => [`a${index}`, { dataType: 'String', stringValue: 'x' }]),
    );
    const { body } = create('alike');
    const nowMs = Date.now();
    await queue.deliver(['m1', 'm2'].map((id) => ({ id, body, attributes })));
    for (const key of ['m1', 'm2'])
      await rememberKey(JSON.stringify(body), key, { stateTable: queue.state.table, deployment, nowMs });
    const back = ['r1', 'r2'].map((id) => ({ id, body, attributes }));
    for (const messages of [back, back.toReversed()]) await queue.deliver(messages);
    expect(incidents()).toHaveLength(2);
    // One that never was a dead letter is not taken for one of them.
    await queue.deliver([{ id: 'm3', body, attributes }]);
    expect(incidents()).toHaveLength(3);
  });

  it('stays in its queue, with what follows it in its group, when the dead-letter queue does not take it', async () => {
    await start({ refuseDeadLetters: true });
    const bad = { id: 'bad', body: '{' };
    expect(await queue.deliver([create('m1'), bad, create('m2')])).toEqual(['bad']);
    const grouped = [create('m3'), bad, create('m4')].map((message) => ({ ...message, group: 'g' }));
    queue.hidden.clear();
    expect(await queue.deliver(grouped)).toEqual(['bad', 'm4']);
    // The group stands still for as long as one of its messages is hidden.
    expect([...queue.hidden]).toEqual([
      ['receipt-bad', 9],
      ['receipt-m4', 9],
    ]);
  });

  it('stays in its queue when SQS has not answered before the time is over', async () => {
    await start({ sqsIsSilent: true });
    expect(await queue.deliver([{ id: 'bad', body: '{' }], 40)).toEqual(['bad']);
  });

  it('is one for a table that the deployment does not list', async () => {
    await start({ environment: { ALLOWED_TABLES: 'incident' } });
    await queue.deliver([{ id: 'm1', body: { table: 'sys_user', record: {} } }]);
    expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'TABLE_NOT_ALLOWED' } }]);
  });
});

describe('a batch of calls', () => {
  it('is carried out item by item: what the instance puts off is sent again, what it refuses is refused alone', async () => {
    let first = true;
    const puttingOff = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        if (!first || !request.path.endsWith('/batch')) return client.send(request, context);
        first = false;
        const { rest_requests }: { rest_requests: { id: string }[] } = Object(request.body);
        const served = await client.send(
          { ...request, body: { batch_request_id: '1', rest_requests: rest_requests.slice(0, 2) } },
          context,
        );
        return {
          ...served,
          body: { ...Object(served.body), unserviced_requests: rest_requests.slice(2).map(({ id }) => id) },
        };
      },
    });
    await start({ through: puttingOff });
    const refused = { id: 'bad', body: { table: 'nowhere', record: {} } };
    expect(await queue.deliver([create('m1'), create('m2'), create('m3'), refused])).toEqual([]);
    expect(incidents()).toHaveLength(3);
    expect(queue.deadLetters).toMatchObject([{ attributes: { ErrorCode: 'INVALID_TABLE' } }]);
  });

  it('whose items are put off by a limit of the Batch API goes on as single calls', async () => {
    await start({ instance: { switches: { batchMaxInputBytes: 1_000 } } });
    const large = create('large', { short_description: 'large', description: 'x'.repeat(2_000) });
    expect(await queue.deliver([create('m1'), large, create('m2'), create('m3')])).toEqual([]);
    expect(incidents()).toHaveLength(4);
    expect(queue.requests().filter((request) => request.endsWith('/batch')).length).toBeLessThan(3);
  });

  it.each([403, 404])(
    'goes as single calls where the Batch API answers %i, and is not tried again',
    async (status) => {
      await start();
      const error = { message: 'Requested URI does not represent any resource', detail: null };
      queue.instance.control.faults.add({
        match: { path: '/api/now/v1/batch' },
        action: 'answer',
        status,
        json: { error, status: 'failure' },
        count: 9,
      });
      expect(await queue.deliver(times(4).map((index) => create(`m${index}`)))).toEqual([]);
      expect(await queue.deliver(times(4).map((index) => create(`n${index}`)))).toEqual([]);
      expect(incidents()).toHaveLength(8);
      expect(queue.requests()).toEqual([
        'POST /api/now/v1/batch',
        ...times(8).map(() => 'POST /api/now/table/incident'),
      ]);
      expect(queue.deadLetters).toEqual([]);
    },
  );

  it('that is too large for a proxy before the instance goes on as single calls, others as batches', async () => {
    await start();
    queue.instance.control.faults.add({
      match: { path: '/api/now/v1/batch' },
      action: 'answer',
      status: 413,
      headers: { 'content-type': 'text/html' },
      text: '<h1>413 Request Entity Too Large</h1>',
    });
    expect(await queue.deliver([create('m1'), create('m2')])).toEqual([]);
    expect(await queue.deliver([create('m3'), create('m4')])).toEqual([]);
    expect(incidents()).toHaveLength(4);
    expect(queue.requests().filter((request) => request.endsWith('/batch'))).toHaveLength(2);
  });

  it('keeps in doubt what an answer 200 does not mention, and reconciles it by asking', async () => {
    let first = true;
    const forgetting = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        const response = await client.send(request, context);
        if (!first || !request.path.endsWith('/batch')) return response;
        first = false;
        const { serviced_requests }: { serviced_requests: unknown[] } = Object(response.body);
        return { ...response, body: { serviced_requests: serviced_requests.slice(1) } };
      },
    });
    await start({ through: forgetting });
    const { store } = queue.instance.state;
    store.seed('incident', { sys_id: 'b'.repeat(32), short_description: 'noted' });
    const note = {
      id: 'm1',
      body: { action: 'update', table: 'incident', sysId: 'b'.repeat(32), record: { work_notes: 'one' } },
    };
    const other = { ...note, id: 'm2', body: { ...note.body, sysId: 'c'.repeat(32) } };
    store.seed('incident', { sys_id: 'c'.repeat(32), short_description: 'noted, too' });
    expect(await queue.deliver([note, other])).toEqual([]);
    expect(journal('b'.repeat(32))).toHaveLength(1);
    expect(journal('c'.repeat(32))).toHaveLength(1);
  });

  it.each([
    'server-error',
    'unavailable',
    'reset-before-commit',
    'reset-after-commit',
    'error-after-commit',
    'truncate',
  ])('has one effect for each item when the request as a whole meets: %s', async (action) => {
    await start();
    queue.instance.control.faults.add({ match: { path: '/api/now/v1/batch' }, action });
    expect(await queue.deliver(times(4).map((index) => create(`m${index}`)))).toEqual([]);
    expect(incidents()).toHaveLength(4);
  });
});

describe('a FIFO group', () => {
  it('is handled in order, and what comes after a failure waits with it', async () => {
    const flaky = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        if (JSON.stringify(request.body).includes('fails'))
          throw new InstanceUnavailableError('down', { method: 'POST', path: '/' });
        return client.send(request, context);
      },
    });
    await start({ through: flaky, environment: { RECORDS_BATCH_API: 'false' } });
    const message = (id: string, group: string, description = id) => ({
      ...create(id, { short_description: description }),
      group,
    });
    const messages = [
      message('a1', 'a'),
      message('b1', 'b'),
      message('a2', 'a', 'fails'),
      message('b2', 'b'),
      message('a3', 'a'),
    ];
    expect(await queue.deliver(messages)).toEqual(['a2', 'a3']);
    expect(
      incidents()
        .map(({ short_description }) => short_description)
        .toSorted(),
    ).toEqual(['a1', 'b1', 'b2']);
  });

  it('keeps what can never be written behind what comes back, and reports it once', async () => {
    let isDown = true;
    const recovering = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(request, context) {
        if (isDown) throw new InstanceUnavailableError('down', { method: 'POST', path: '/' });
        return client.send(request, context);
      },
    });
    await start({ through: recovering, clock: { now: () => (isDown ? 0 : 60_000), sleep: async () => {} } });
    const messages = [create('m1'), { id: 'bad', body: '{' }].map((message) => ({ ...message, group: 'g' }));
    expect(await queue.deliver(messages)).toEqual(['m1', 'bad']);
    expect([...queue.hidden.keys()]).toEqual(['receipt-m1', 'receipt-bad']);
    expect(queue.deadLetters).toEqual([]);
    isDown = false;
    expect(await queue.deliver(messages.map((message) => ({ ...message, receiveCount: 2 })))).toEqual([]);
    expect(queue.deadLetters).toHaveLength(1);
  });

  it('that is for two instances goes to one after the other', async () => {
    await start({ environment: { SERVICENOW_SECRET_ID: '{"default":"demo","other":"demo"}' } });
    const message = (id: string, instance?: string) => ({
      id,
      body: { table: 'incident', record: { short_description: id }, ...(instance && { instance }) },
      group: 'g',
    });
    const messages = [message('m1'), message('m2', 'other'), message('m3')];
    expect(await queue.deliver([...messages, { ...message('n1', 'other'), group: 'h' }])).toEqual([
      'm2',
      'm3',
    ]);
    const received = (count: number) => messages.map((one) => ({ ...one, receiveCount: count }));
    expect(await queue.deliver(received(6).slice(1))).toEqual(['m3']);
    // However often it was received: nothing has failed.
    expect(queue.hidden).toEqual(new Map([...queue.hidden.keys()].map((receipt) => [receipt, 1])));
    expect(await queue.deliver(messages.slice(2))).toEqual([]);
    expect(incidents()).toHaveLength(4);
    expect(queue.deadLetters).toEqual([]);
  });

  it('waits for a message whose key cannot be looked up, which would write over a later one', async () => {
    const switched = { isAway: true };
    const throughTable = (table: StateTable): StateTable => ({
      ...table,
      async query(pk, range, call) {
        if (switched.isAway && pk.startsWith('letter#')) throw new StateUnavailableError('away');
        return table.query(pk, range, call);
      },
    });
    await start({ throughTable });
    const sysId = 'a'.repeat(32);
    queue.instance.state.store.seed('incident', { sys_id: sysId, urgency: '3' });
    const update = (id: string, group: string, urgency: string) => ({
      ...{ id, group },
      body: { action: 'update', table: 'incident', sysId, record: { urgency } },
    });
    const attributes = Object.fromEntries(
      times(10).map((index) => [`own${index}`, { dataType: 'String', stringValue: 'x' }]),
    );
    const messages = [{ ...update('m1', 'g', '1'), attributes }, update('m2', 'g', '2')];
    const other = { ...create('n1'), group: 'h' };
    expect(await queue.deliver([...messages, other])).toEqual(['m1', 'm2']);
    expect(queue.instance.state.store.find('incident', sysId)).toMatchObject({ urgency: '3' });
    expect(incidents()).toHaveLength(2);
    switched.isAway = false;
    expect(await queue.deliver(messages.map((one) => ({ ...one, receiveCount: 2 })))).toEqual([]);
    expect(queue.instance.state.store.find('incident', sysId)).toMatchObject({ urgency: '2' });
  });

  it('goes on after a message that can never be written', async () => {
    await start();
    const messages = [create('m1'), { id: 'bad', body: '{' }, create('m3')].map((message) => ({
      ...message,
      group: 'g',
    }));
    expect(await queue.deliver(messages)).toEqual([]);
    expect(incidents()).toHaveLength(2);
  });
});
