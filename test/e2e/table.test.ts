import { describe, expect, it } from 'vitest';
import { call, endpoints, held, invoke, uniqueWord } from './running-stack.ts';

const TABLE = '/api/now/table/incident';

async function create(columns: object = {}): Promise<{ sysId: string; word: string }> {
  const word = uniqueWord();
  await call('POST', TABLE, { short_description: word, ...columns });
  const [row] = await held('incident', `short_description=${word}`);
  return { sysId: String(row?.['sys_id'] ?? ''), word };
}

describe('postRecord', () => {
  it('over HTTP creates a record and answers with its place on our own address', async () => {
    const word = uniqueWord();
    const answer = await call('POST', TABLE, {
      short_description: word,
      urgency: '1',
      description: 'ü 日本 😀',
    });
    const [row] = await held('incident', `short_description=${word}`);
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`${endpoints.api}${TABLE}/${row?.['sys_id']}`);
    expect(row).toMatchObject({ urgency: '1', description: 'ü 日本 😀' });
    expect(answer.body).toMatchObject({ result: { sys_id: row?.['sys_id'], number: row?.['number'] } });
  });

  it('invoked directly accepts the WSO2 connector’s parameters and answers plain data', async () => {
    const shortDescription = uniqueWord();
    const { data } = await invoke('postRecord', {
      tableName: 'incident',
      shortDescription,
      category: 'network',
      record: { urgency: '2', impact: '3' },
      apiColumns: { impact: '1' },
    });
    const rows = await held('incident', `short_description=${shortDescription}`);
    expect(rows).toMatchObject([{ category: 'network', urgency: '2', impact: '1' }]);
    expect(data).toMatchObject({ result: { sys_id: rows[0]?.['sys_id'] } });
  });
});

it('postRecord with an Idempotency-Key creates one record, and answers a repeat with it', async () => {
  const word = uniqueWord();
  const post = (urgency: string) =>
    fetch(`${endpoints.api}${TABLE}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': word },
      body: JSON.stringify({ short_description: word, urgency }),
    });
  expect((await post('1')).status).toBe(201);
  const again = await post('2');
  expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true']);
  expect(again.headers.get('idempotency-differs')).toBe('urgency');
  expect(await held('incident', `short_description=${word}`)).toMatchObject([{ urgency: '1' }]);
});

describe('getRecordById', () => {
  it('gives one record, over HTTP and directly, shaped as asked', async () => {
    const { sysId, word } = await create({ urgency: '1' });
    const shape = 'sysparm_fields=short_description,urgency&sysparm_display_value=true';
    const { status, body } = await call('GET', `${TABLE}/${sysId}?${shape}`);
    expect(status).toBe(200);
    expect(body).toEqual({ result: { short_description: word, urgency: '1 - High' } });
    const event = {
      tableName: 'incident',
      sysId,
      sysparmFields: 'short_description,urgency',
      sysparmDisplayValue: 'true',
    };
    expect(await invoke('getRecordById', event)).toEqual({ data: body });
  });

  it('honours the version segment', async () => {
    const { sysId } = await create();
    for (const version of ['v1', 'v2']) {
      expect((await call('GET', `/api/now/${version}/table/incident/${sysId}`)).status).toBe(200);
    }
  });

  it('answers as ServiceNow does for a record that is not there', async () => {
    const missing = '0'.repeat(32);
    const answer = await call('GET', `${TABLE}/${missing}`);
    expect(answer.status).toBe(404);
    expect(answer.body).toMatchObject({ error: { message: 'No Record found' }, status: 'failure' });
    const invoked = await invoke('getRecordById', { tableName: 'incident', sysId: missing });
    expect(invoked.errorType).toMatch(/NotFound/);
  });
});

describe('getRecords', () => {
  it('pages through a query over HTTP by the links it is given', async () => {
    const word = uniqueWord();
    for (const urgency of ['1', '2', '3']) await call('POST', TABLE, { short_description: word, urgency });
    const query = `short_description=${word}^ORDERBYurgency`;
    let path: string | undefined =
      `${TABLE}?sysparm_query=${encodeURIComponent(query)}&sysparm_limit=2&sysparm_fields=urgency`;
    const pages = [];
    for (let page = 0; path !== undefined && page < 5; page++) {
      const { body, headers } = await call('GET', path);
      expect(headers.get('x-total-count')).toBe('3');
      pages.push(body);
      path = /<([^>]*)>;rel="next"/.exec(headers.get('link') ?? '')?.[1]?.replace(endpoints.api, '');
    }
    expect(pages).toEqual([{ result: [{ urgency: '1' }, { urgency: '2' }] }, { result: [{ urgency: '3' }] }]);
  });

  it('takes column pairs instead of a query, over HTTP and directly', async () => {
    const { sysId, word } = await create();
    const expected = { result: [{ sys_id: sysId }] };
    expect((await call('GET', `${TABLE}?short_description=${word}&sysparm_fields=sys_id`)).body).toEqual(
      expected,
    );
    const event = {
      tableName: 'incident',
      keyValuePairs: { short_description: word },
      sysparmFields: 'sys_id',
    };
    expect((await invoke('getRecords', event)).data).toMatchObject({ ...expected, totalCount: 1 });
  });

  it('invoked directly hands out the event of the next page', async () => {
    const word = uniqueWord();
    for (const urgency of ['1', '2']) await call('POST', TABLE, { short_description: word, urgency });
    const event = {
      tableName: 'incident',
      sysparmQuery: `short_description=${word}^ORDERBYurgency`,
      sysparmLimit: 1,
    };
    const first = await invoke('getRecords', { ...event, sysparmFields: 'urgency' });
    expect(first.data).toMatchObject({
      result: [{ urgency: '1' }],
      totalCount: 2,
      next: { sysparmOffset: 1 },
    });
  });
});

describe.each([
  ['putRecordById', 'PUT'],
  ['patchRecordById', 'PATCH'],
])('%s', (key, method) => {
  it('over HTTP changes what is given, clears what is empty and leaves the rest', async () => {
    const { sysId, word } = await create({ description: 'old', urgency: '1' });
    const answer = await call(method, `${TABLE}/${sysId}`, { description: '', impact: '2' });
    expect(answer.status).toBe(200);
    expect(await held('incident', `sys_id=${sysId}`)).toMatchObject([
      { short_description: word, description: '', impact: '2', urgency: '1' },
    ]);
  });

  it('invoked directly does the same', async () => {
    const { sysId, word } = await create({ description: 'old' });
    const { data } = await invoke(key, { tableName: 'incident', sysId, record: { description: '' } });
    expect(data).toMatchObject({ result: { sys_id: sysId, description: '' } });
    expect(await held('incident', `sys_id=${sysId}`)).toMatchObject([
      { short_description: word, description: '' },
    ]);
  });
});

describe('deleteRecordById', () => {
  it('removes the record, over HTTP and directly', async () => {
    const [one, two] = [await create(), await create()];
    const answer = await call('DELETE', `${TABLE}/${one.sysId}`);
    expect([answer.status, answer.body]).toEqual([204, undefined]);
    expect(await invoke('deleteRecordById', { tableName: 'incident', sysId: two.sysId })).toEqual({
      data: { result: null },
    });
    expect(await held('incident', `sys_idIN${one.sysId},${two.sysId}`)).toEqual([]);
  });
});

it('a keyed PATCH, DELETE and import take effect once however often they are sent', async () => {
  const { sysId, word } = await create();
  const send = async (method: string, path: string, body?: object) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': `${method}-${word}` };
    const sent = body && { body: JSON.stringify(body) };
    const answer = await fetch(endpoints.api + path, { method, headers, ...sent });
    return [answer.status, answer.headers.get('idempotency-replayed')];
  };
  const patch = () => send('PATCH', `${TABLE}/${sysId}`, { urgency: '1', work_notes: `note ${word}` });
  expect([await patch(), await patch()]).toEqual([
    [200, null],
    [200, 'true'],
  ]);
  expect(await held('sys_journal_field', `element_id=${sysId}^value=note ${word}`)).toHaveLength(1);
  const row = () => send('POST', '/api/now/import/imp_user', { user_id: word, last_name: word });
  expect([await row(), await row()]).toEqual([
    [201, null],
    [200, 'true'],
  ]);
  expect(await held('imp_user', `user_id=${word}`)).toHaveLength(1);
  const remove = () => send('DELETE', `${TABLE}/${sysId}`);
  expect([await remove(), await remove()]).toEqual([
    [204, null],
    [204, 'true'],
  ]);
  expect(await held('incident', `sys_id=${sysId}`)).toEqual([]);
});
