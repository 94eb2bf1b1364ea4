import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { deriveSysId } from '../../lib/operations/identity.ts';
import { patchRecordById, postRecord } from '../../lib/operations/table.ts';
import type { ServiceNowClient } from '../../lib/servicenow/call.ts';
import { UnknownOutcomeError } from '../../lib/servicenow/errors.ts';
import { type EmulatedDeployment, startDeployment } from './emulated.ts';

let deployment: EmulatedDeployment;
beforeEach(async () => {
  deployment = await startDeployment({}, { demoData: false });
  return () => deployment.close();
});

const incidents = () => deployment.instance.state.store.select('incident');

function post(record: object, key: string, query = '') {
  const url = `/api/now/table/incident${query}`;
  return deployment
    .serve(postRecord)
    .http({ method: 'POST', url, body: JSON.stringify(record), headers: { 'idempotency-key': key } });
}

/** A client whose answers to writes are lost after the instance has done its work; those to reads too, on request. */
const losing =
  (reads: boolean) =>
  (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    async send(request, context) {
      const response = await client.send(request, context);
      if (request.method === 'GET' && !reads) return response;
      const { method, path } = request;
      throw new UnknownOutcomeError('lost', { method, path, effect: 'unknown' });
    },
  });

describe('a POST with an Idempotency-Key', () => {
  it('creates the record under the sys_id that the key gives', async () => {
    const answer = await post({ short_description: 'one' }, 'k1');
    expect(answer).toMatchObject({
      statusCode: 201,
      body: { result: { sys_id: deriveSysId('servicenow-functions/dev', 'incident', 'k1') } },
    });
    expect(answer.headers).not.toHaveProperty('idempotency-replayed');
  });

  it('answers a replay with the record as it now is', async () => {
    await post({ short_description: 'one', urgency: '1' }, 'k1');
    const sysId = deriveSysId('servicenow-functions/dev', 'incident', 'k1');
    await deployment.serve(patchRecordById).invoke({ tableName: 'incident', sysId, record: { state: '2' } });
    deployment.counted.length = 0;
    const answer = await post(
      { short_description: 'one', urgency: '1' },
      'k1',
      '?sysparm_fields=state,urgency',
    );
    expect(deployment.counted).toContain('Deduplicated');
    expect(deployment.counted).toContain('LatencyMs');
    expect(answer).toMatchObject({ statusCode: 200, headers: { 'idempotency-replayed': 'true' } });
    expect(answer.body).toEqual({ result: { state: '2', urgency: '1' } });
    expect(answer.headers).not.toHaveProperty('idempotency-differs');
    expect(incidents()).toHaveLength(1);
  });

  it('names the columns of a replay that are not as given', async () => {
    await post({ short_description: 'one', urgency: '1', work_notes: 'n' }, 'k1');
    const answer = await post(
      { short_description: 'two', urgency: '1 - High', category: '', work_notes: 'n' },
      'k1',
    );
    expect(answer).toMatchObject({
      statusCode: 200,
      headers: { 'idempotency-differs': 'short_description,category' },
    });
  });

  it.each([
    ['', { active: true, impact: 2, due_date: '2026-03-04 05:06:07', category: null, caller_id: '' }],
    ['', { active: 'true', impact: '2', sla_due: '', short_description: ' blanks ' }],
    [
      '?sysparm_input_display_value=true',
      { impact: '2 - Medium', due_date: '2026-03-04 05:06:07', category: 'Network' },
    ],
  ])('takes values of every kind for what they are: %s %j', async (query, record) => {
    await post(record, 'k1', query);
    const again = await post(record, 'k1', query);
    expect(again.statusCode).toBe(200);
    expect(again.headers['idempotency-differs']).toBeUndefined();
  });

  it('names what the instance took otherwise or not at all', async () => {
    const record = { impact: 'enormous', no_such_column: 'x', due_date: 'soon', u_list: [1] };
    await post(record, 'k1');
    const { headers } = await post(record, 'k1');
    expect(headers['idempotency-differs']).toBe('impact,no_such_column,due_date,u_list');
  });

  it('compares a record with more columns than go into an address, and names as many as go into a header', async () => {
    const { control } = deployment.instance;
    control.change({ maxUrlBytes: 8_192 });
    onTestFinished(() => control.change({ maxUrlBytes: 65_536 }));
    const wide = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`u_column_${index}`, 'x']));
    await post({ urgency: '1', ...wide }, 'k1');
    const { statusCode, headers } = await post({ urgency: '2', ...wide }, 'k1');
    expect(statusCode).toBe(200);
    expect(headers['idempotency-differs']).toMatch(/^urgency,u_column_0,.*,\*$/);
    expect(headers['idempotency-differs']?.length).toBeLessThan(4_096);
  });

  it('writes names of columns into the header so that they cannot end it', async () => {
    await post({}, 'k1');
    const { headers } = await post({ 'a\r\nset-cookie: b': 'c', '\u{1f600},': 'd' }, 'k1');
    expect(headers['idempotency-differs']).toBe('a%0D%0Aset-cookie%3A%20b,%F0%9F%98%80%2C');
  });

  it('refuses a column with half of a character', async () => {
    const { statusCode, body } = await post({ '\ud800': 'd' }, 'k1');
    expect(statusCode).toBe(400);
    expect(JSON.stringify(body)).toContain('half of a character');
  });

  it('creates one record however many copies race', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => post({ short_description: 'race' }, 'k1')),
    );
    expect(answers.map(({ statusCode }) => statusCode).toSorted()).toEqual([200, 200, 200, 200, 200, 201]);
    expect(incidents()).toHaveLength(1);
  });

  it('resolves a lost answer by asking the instance', async () => {
    const event = {
      tableName: 'incident',
      record: { short_description: 'one' },
      idempotencyKey: 'k1',
      sysparmFields: 'short_description',
    };
    const answer = await deployment.serve(postRecord, losing(false)).invoke(event);
    expect(answer).toEqual({ result: { short_description: 'one' }, replayed: true });
    expect(incidents()).toHaveLength(1);
  });

  it('is 504 and says when to ask again when the answer was lost and the instance cannot be asked', async () => {
    const request = {
      method: 'POST',
      url: '/api/now/table/incident',
      body: '{}',
      headers: { 'idempotency-key': 'k1' },
    };
    const answer = await deployment.serve(postRecord, losing(true)).http(request);
    expect(answer).toMatchObject({
      statusCode: 504,
      headers: { 'retry-after': '60', 'x-error-code': 'OUTCOME_UNKNOWN' },
    });
    expect((await post({}, 'k1')).statusCode).toBe(200);
    expect(incidents()).toHaveLength(1);
  });

  it('refuses a key that cannot be one and a record with a sys_id of its own', async () => {
    expect(await post({}, 'ü')).toMatchObject({
      statusCode: 400,
      body: { error: { detail: expect.stringContaining('idempotency-key') } },
    });
    expect(await post({ sys_id: '1' }, 'k1')).toMatchObject({
      statusCode: 400,
      body: { error: { detail: expect.stringContaining('body.sys_id') } },
    });
  });

  it.each(['x'.repeat(256), 'two words', ''])('answers 400 to the key %j', async (key) => {
    const answer = await post({}, key);
    expect(answer).toMatchObject({ statusCode: 400, headers: { 'x-error-code': 'INVALID_INPUT' } });
    expect(incidents()).toEqual([]);
  });

  it('makes another record of the same key in another table', async () => {
    const { sys_id } = Object(await post({ short_description: 'one' }, 'k-tables')).body.result;
    const url = '/api/now/table/problem';
    const headers = { 'idempotency-key': 'k-tables' };
    const other = await deployment
      .serve(postRecord)
      .http({ method: 'POST', url, body: '{"short_description":"two"}', headers });
    expect(other.statusCode).toBe(201);
    expect(Object(other.body).result.sys_id).not.toBe(sys_id);
  });

  it('counts a record as created that may not be read back, and creates nothing twice', async () => {
    await post({ short_description: 'one' }, 'k1');
    deployment.instance.control.faults.add({
      match: { method: 'GET', path: '/api/now/table/incident/*' },
      action: 'answer',
      status: 403,
      json: { error: { message: 'Insufficient rights', detail: null }, status: 'failure' },
      count: 9,
    });
    expect(await post({ short_description: 'one' }, 'k1')).toMatchObject({
      statusCode: 200,
      headers: { 'idempotency-replayed': 'true' },
      body: { result: { sys_id: deriveSysId('servicenow-functions/dev', 'incident', 'k1') } },
    });
    deployment.instance.control.faults.clear();
    expect(incidents()).toHaveLength(1);
  });

  it('goes by correlation_id in tables that refuse a given sys_id', async () => {
    const other = await startDeployment({ CORRELATION_ID_TABLES: 'incident' });
    const event = { tableName: 'incident', record: { short_description: 'one' }, idempotencyKey: 'order-7' };
    const first = await other.serve(postRecord).invoke(event);
    const again = await other.serve(postRecord).invoke(event);
    expect([first, again]).toMatchObject([
      { result: { correlation_id: 'servicenow-functions/dev/incident:order-7' } },
      { replayed: true, result: { correlation_id: 'servicenow-functions/dev/incident:order-7' } },
    ]);
    await other.close();
  });

  it('answers another body in such tables alike, and changes nothing', async () => {
    const other = await startDeployment({ CORRELATION_ID_TABLES: '*' }, { demoData: false });
    onTestFinished(() => other.close());
    const create = other.serve(postRecord);
    const request = (urgency: string) => ({
      method: 'POST',
      url: '/api/now/table/incident',
      body: JSON.stringify({ urgency, work_notes: urgency }),
      headers: { 'idempotency-key': 'k1' },
    });
    await create.http(request('1'));
    expect(await create.http(request('2'))).toMatchObject({
      statusCode: 200,
      headers: { 'idempotency-replayed': 'true', 'idempotency-differs': 'urgency' },
    });
    expect(other.instance.state.store.select('incident')).toMatchObject([{ urgency: '1' }]);
  });

  it('passes a real refusal on', async () => {
    const answer = await deployment.serve(postRecord).http({
      method: 'POST',
      url: '/api/now/table/nowhere',
      body: '{}',
      headers: { 'idempotency-key': 'k1' },
    });
    expect(answer).toMatchObject({ statusCode: 400, headers: { 'x-error-code': 'INVALID_TABLE' } });
  });
});

describe('a keyed write to a record that the user may not read', () => {
  /** @param where what a record must hold for the user to read it; absent: he may read none */
  async function startBlind(tables: string, where?: Record<string, string>) {
    const blind = await startDeployment({ CORRELATION_ID_TABLES: tables }, { demoData: false }, undefined, [
      'itil',
    ]);
    onTestFinished(() => blind.close());
    const { auth, store } = blind.instance.state;
    auth.access.add({ table: 'incident', operation: 'read', ...(where ? { where } : { roles: ['reader'] }) });
    return { blind, store };
  }
  const request = (key: string) => ({
    method: 'POST',
    url: '/api/now/table/incident',
    body: '{"short_description":"one"}',
    headers: { 'idempotency-key': key },
  });
  const sysId = deriveSysId('servicenow-functions/dev', 'incident', 'k1');

  it.each([
    ['', { sys_id: sysId }],
    ['incident', { correlation_id: 'servicenow-functions/dev/incident:k1' }],
  ])(
    'answers 201 with what is known, and creates it once (correlationIdTables: "%s")',
    async (tables, known) => {
      const { blind, store } = await startBlind(tables);
      const create = blind.serve(postRecord);
      const first = await create.http(request('k1'));
      expect(first).toMatchObject({ statusCode: 201, body: { result: known } });
      expect(first.headers).not.toHaveProperty('idempotency-replayed');
      expect(await create.http(request('k1'))).toMatchObject({
        statusCode: 200,
        headers: { 'idempotency-replayed': 'true' },
        body: { result: known },
      });
      expect((await create.http(request('k2'))).statusCode).toBe(201);
      expect(store.select('incident')).toHaveLength(2);
    },
  );

  it('creates it once though the instance neither lists nor counts it', async () => {
    const { blind, store } = await startBlind('');
    const uncounting = (client: ServiceNowClient): ServiceNowClient => ({
      ...client,
      async send(asked, context) {
        const { 'x-total-count': _, ...headers } = (await client.send(asked, context)).headers;
        return { status: 200, headers, body: { result: [] }, attempts: 1 };
      },
    });
    const create = blind.serve(postRecord, uncounting);
    expect(await create.http(request('k1'))).toMatchObject({
      statusCode: 201,
      body: { result: { sys_id: sysId } },
    });
    expect((await create.http(request('k1'))).statusCode).toBe(200);
    expect(store.select('incident')).toHaveLength(1);
  });

  it('warns when the instance ignores the sys_id of the key', async () => {
    const { blind } = await startBlind('');
    blind.instance.control.change({ ignoreGivenSysIdOn: ['incident'] });
    expect(await blind.serve(postRecord).http(request('k1'))).toMatchObject({
      statusCode: 201,
      headers: { 'idempotency-warning': expect.stringContaining('correlationIdTables') },
    });
  });

  it('passes a real refusal on, and lets the key be used again', async () => {
    for (const tables of ['', 'incident']) {
      const { blind, store } = await startBlind(tables);
      blind.instance.control.rules.add({ table: 'incident', action: 'abort' });
      expect(await blind.serve(postRecord).http(request('k1'))).toMatchObject({
        statusCode: 403,
        headers: { 'x-error-code': 'BUSINESS_RULE' },
      });
      blind.instance.control.rules.clear();
      expect((await blind.serve(postRecord).http(request('k1'))).statusCode).toBe(201);
      expect(store.select('incident')).toHaveLength(1);
    }
  });

  it('writes a note once when the update takes the record out of sight', async () => {
    const { blind, store } = await startBlind('', { urgency: '3' });
    store.seed('incident', { sys_id: sysId, urgency: '3' });
    const patch = {
      method: 'PATCH',
      url: `/api/now/table/incident/${sysId}`,
      body: '{"urgency":"1","work_notes":"seen"}',
      headers: { 'idempotency-key': 'k1' },
    };
    for (let copy = 0; copy < 2; copy += 1)
      expect(await blind.serve(patchRecordById).http(patch)).toMatchObject({
        statusCode: 200,
        body: { result: { sys_id: sysId } },
      });
    expect(store.select('sys_journal_field')).toHaveLength(1);
  });
});
