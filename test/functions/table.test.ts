import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  deleteRecordById,
  getRecordById,
  getRecords,
  patchRecordById,
  postRecord,
  putRecordById,
} from '../../lib/operations/table.ts';
import { type EmulatedDeployment, startDeployment } from './emulated.ts';

let deployment: EmulatedDeployment;
const ids = Array.from({ length: 12 }, (_, index) => index.toString(16).padStart(32, 'a'));
const host = 'https://abc123.execute-api.eu-west-1.amazonaws.com';

beforeAll(async () => {
  deployment = await startDeployment({ ALLOWED_TABLES: 'incident,problem' });
});
afterAll(() => deployment.close());

beforeEach(() => {
  const { store } = deployment.instance.state;
  for (const { sys_id } of store.select('incident')) store.remove('incident', String(sys_id));
  for (const [index, sysId] of ids.entries()) {
    store.seed('incident', {
      sys_id: sysId,
      number: `INC77${index}`,
      short_description: `Disk ${index}`,
      urgency: index % 2 ? '1' : '3',
    });
  }
});

const stored = (sysId: string) => deployment.instance.state.store.find('incident', sysId);

describe('getRecords', () => {
  const query = `sysparm_query=${encodeURIComponent('short_descriptionLIKEDisk^ORDERBYsys_id')}`;

  it('answers a page with its count and with links to our own host', async () => {
    const url = `/dev/api/now/table/incident?${query}&sysparm_fields=number&sysparm_limit=5&sysparm_offset=5`;
    const answer = await deployment.serve(getRecords).http({ url, stage: 'dev' });
    expect(answer).toMatchObject({ statusCode: 200, headers: { 'x-total-count': '12' } });
    expect(answer.body).toEqual({ result: [5, 6, 7, 8, 9].map((index) => ({ number: `INC77${index}` })) });
    const links = [...(answer.headers['link'] ?? '').matchAll(/<([^?]*)[^>]*>;rel="(\w+)"/g)];
    expect(links.map(([, url, rel]) => [url, rel])).toEqual(
      ['first', 'prev', 'next', 'last'].map((rel) => [`${host}/dev/api/now/table/incident`, rel]),
    );
  });

  it('keeps the order of the caller’s parameters in its links, as an instance does', async () => {
    const asked =
      'sysparm_fields=number&sysparm_new=1&sysparm_limit=2&sysparm_query=ORDERBYnumber&sysparm_display_value=true';
    const { headers } = await deployment.serve(getRecords).http({ url: `/api/now/table/incident?${asked}` });
    expect(headers['link']).toContain(`/api/now/table/incident?${asked}&sysparm_offset=2>;rel="next"`);
  });

  it('keeps the caller’s way of writing them, unless it would end the link', async () => {
    const list = deployment.serve(getRecords);
    const asked =
      'sysparm_fields=number,%20state&sysparm_query=ORDERBYnumber%5EurgencyIN1,2,3&sysparm_limit=2';
    const { headers } = await list.http({ url: `/api/now/table/incident?${asked}` });
    expect(headers['link']).toContain(`/api/now/table/incident?${asked}&sysparm_offset=2>;rel="next"`);
    const ending = await list.http({
      url: '/api/now/table/incident?sysparm_query=urgency>0&sysparm_limit=2',
    });
    expect(ending.headers['link']).toContain(
      '?sysparm_query=urgency%3E0&sysparm_limit=2&sysparm_offset=2>;rel="next"',
    );
  });

  it('filters by column=value pairs', async () => {
    const answer = await deployment
      .serve(getRecords)
      .http({ url: '/api/now/table/incident?number=INC773&urgency=1' });
    expect(answer.body).toMatchObject({ result: [{ sys_id: ids[3] }] });
  });

  it.each([
    ['number=INC773', 'number'],
    ['_=1700000000000&format=json&table_name=incident', '_,format,table_name'],
  ])('ignores %s next to an encoded query, as an instance does, and reports it', async (pairs, ignored) => {
    const list = deployment.serve(getRecords);
    const answer = await list.http({ url: `/api/now/table/incident?${query}&${pairs}` });
    expect(answer).toMatchObject({ statusCode: 200, headers: { 'x-ignored-parameters': ignored } });
    expect(Object(answer.body).result).toHaveLength(12);
  });

  it('passes an unknown sysparm_ name on and reports it, so that a misspelt one is noticed', async () => {
    const url = `/api/now/table/incident?${query}&sysparm_limt=1`;
    const answer = await deployment.serve(getRecords).http({ url });
    expect(answer).toMatchObject({ statusCode: 200, headers: { 'x-unknown-parameters': 'sysparm_limt' } });
  });

  it.each([
    ['sysparm_display_value=True', { urgency: '3 - Low' }],
    ['sysparm_display_value=ALL', { urgency: { value: '3', display_value: '3 - Low' } }],
    ['sysparm_display_value=False&sysparm_no_count=TRUE', { urgency: '3' }],
    ['sysparm_limit=-1&sysparm_offset=-1', { urgency: '3' }],
    ['sysparm_limit=9999999999&sysparm_offset=%2B0', { urgency: '3' }],
    ['sysparm_display_value=yes&sysparm_exclude_reference_link=1&sysparm_no_count=ALL', { urgency: '3' }],
    ['sysparm_limit=1&sysparm_limit=2', { urgency: '3' }],
  ])('takes %s as an instance does', async (parameters, first) => {
    const url = `/api/now/table/incident?${query}&${parameters}`;
    const answer = await deployment.serve(getRecords).http({ url });
    expect(answer).toMatchObject({ statusCode: 200 });
    expect(Object(answer.body).result[0]).toMatchObject(first);
    if (parameters.includes('sysparm_limit=1')) expect(Object(answer.body).result).toHaveLength(1);
  });

  it('leads every link in a body to the address that was asked', async () => {
    const store = deployment.instance.state.store;
    const caller = String(store.select('sys_user', { limit: 1 })[0]?.['sys_id']);
    store.seed('incident', {
      number: 'INC7799',
      caller_id: caller,
      short_description: 'https://other.example/api/now/x',
    });
    for (const shape of ['false', 'true', 'all'])
      for (const [prefix, stage] of [
        ['', '$default'],
        ['/dev', 'dev'],
      ]) {
        const url = `${prefix}/api/now/v2/table/incident?number=INC7799&sysparm_display_value=${shape}`;
        const { body } = await deployment.serve(getRecords).http({ url, stage: stage ?? '' });
        const text = JSON.stringify(body);
        expect(text).not.toContain(new URL(deployment.instance.url).host);
        expect(text).toContain(`"link":"${host}${prefix}/api/now/v2/table/sys_user/${caller}"`);
        expect(text).toContain('https://other.example/api/now/x');
      }
  });

  it('keeps the version segment: an empty list is 404 in v1 and 200 in v2', async () => {
    const list = deployment.serve(getRecords);
    expect((await list.http({ url: '/api/now/v1/table/incident?number=none' })).statusCode).toBe(404);
    expect(await list.http({ url: '/api/now/v2/table/incident?number=none' })).toMatchObject({
      statusCode: 200,
      body: { result: [] },
    });
  });

  it('gives a direct Invoke plain data, page by page to the end', async () => {
    const list = deployment.serve(getRecords);
    let next: unknown = {
      tableName: 'incident',
      sysparmQuery: 'ORDERBYsys_id',
      sysparmFields: 'number',
      sysparmLimit: 5,
    };
    const pages: unknown[] = [];
    while (next !== undefined) {
      const page: { next?: unknown } = Object(await list.invoke(next));
      pages.push(page);
      next = page.next;
    }
    expect(pages).toMatchObject([{ totalCount: 12 }, { totalCount: 12 }, { totalCount: 12 }]);
    expect(pages.flatMap((page) => Object(page).result.map(Object.values))).toEqual(
      ids.map((_, index) => [`INC77${index}`]),
    );
  });

  it('refuses a parameter that is spelt as in a direct Invoke, instead of answering the whole table', async () => {
    const url = '/api/now/table/incident?sysparmQuery=number=INC773';
    expect(await deployment.serve(getRecords).http({ url })).toMatchObject({
      statusCode: 400,
      body: { error: { detail: expect.stringContaining('sysparm_query') } },
    });
  });

  it('accepts the WSO2 connector’s keyValuePairs and ReadReplicaCategory', async () => {
    const answer = await deployment.serve(getRecords).invoke({
      tableName: 'incident',
      keyValuePairs: { number: 'INC774' },
      sysparmReadReplicaCategory: 'list',
      sysparmFields: ['sys_id'],
    });
    expect(answer).toEqual({ result: [{ sys_id: ids[4] }], totalCount: 1 });
  });
});

describe('getRecordById', () => {
  it('reads one record, shaped as asked', async () => {
    const url = `/api/now/table/incident/${ids[1]}?sysparm_fields=urgency&sysparm_display_value=all`;
    const answer = await deployment.serve(getRecordById).http({ url });
    expect(answer.body).toEqual({ result: { urgency: { display_value: '1 - High', value: '1' } } });
    expect(answer.headers['x-transaction-id']).toMatch(/\w/);
  });

  it('passes ServiceNow’s 404 on as it is', async () => {
    const answer = await deployment.serve(getRecordById).http({ url: '/api/now/table/incident/0' });
    expect(answer).toMatchObject({
      statusCode: 404,
      headers: { 'x-error-code': 'RECORD_NOT_FOUND' },
      body: { error: { message: 'No Record found' }, status: 'failure' },
    });
  });

  it('logs a call that failed with its code and ServiceNow’s transaction id', async () => {
    const url = `/api/now/table/incident/${'0'.repeat(32)}`;
    const { headers } = await deployment.serve(getRecordById).http({ url });
    expect(deployment.logged.at(-1)).toMatchObject({
      event: 'call-failed',
      operation: 'getRecordById',
      code: 'RECORD_NOT_FOUND',
      transactionId: headers['x-transaction-id'],
    });
    expect(headers['x-transaction-id']).toMatch(/^\w+$/);
  });

  it('throws an error of that name at a direct Invoke, without a stack', async () => {
    const failure = deployment.serve(getRecordById).invoke({ tableName: 'incident', sysId: '0' });
    await expect(failure).rejects.toMatchObject({ name: 'RecordNotFoundError' });
    await expect(failure).rejects.not.toHaveProperty('stack');
    expect(deployment.logged.at(-1)).toMatchObject({ event: 'call-failed', code: 'RECORD_NOT_FOUND' });
  });
});

describe('postRecord', () => {
  const post = (body: string, headers = {}) =>
    deployment.serve(postRecord).http({ method: 'POST', url: '/api/now/table/incident', body, headers });

  it('creates what the body says and answers 201 with a Location of ours', async () => {
    const answer = await post('{"short_description":"Grüße, 世界","urgency":"2"}');
    const { sys_id } = Object(Object(answer.body).result);
    expect(answer).toMatchObject({
      statusCode: 201,
      headers: { location: `${host}/api/now/table/incident/${sys_id}` },
    });
    expect(stored(sys_id)).toMatchObject({ short_description: 'Grüße, 世界', urgency: '2' });
  });

  it('reads a body that API Gateway encoded', async () => {
    const body = Buffer.from('{"short_description":"ünï"}').toString('base64');
    const answer = await deployment
      .serve(postRecord)
      .http({ method: 'POST', url: '/api/now/table/incident', body, isBase64Encoded: true });
    expect(answer).toMatchObject({ statusCode: 201, body: { result: { short_description: 'ünï' } } });
  });

  it('refuses an encoded body that is not UTF-8, instead of storing what it cannot read', async () => {
    const body = Buffer.from('{"short_description":"Gr\xfc\xdfe"}', 'latin1').toString('base64');
    const before = deployment.instance.state.store.count('incident');
    const answer = await deployment
      .serve(postRecord)
      .http({ method: 'POST', url: '/api/now/table/incident', body, isBase64Encoded: true });
    expect(answer).toMatchObject({ statusCode: 400, body: { error: { detail: 'body: is not UTF-8 text' } } });
    expect(deployment.instance.state.store.count('incident')).toBe(before);
  });

  it.each([
    'application/json;charset=utf-8',
    'application/vnd.caller+json',
    'text/json',
    'APPLICATION/JSON ; charset="UTF-8"',
  ])('reads a body of type %s', async (type) =>
    expect(await post('{}', { 'content-type': type })).toMatchObject({ statusCode: 201 }),
  );

  it('reads a body that begins with a byte order mark, and takes an empty Accept for none', async () => {
    const answer = await post('\uFEFF{"short_description":"marked"}', { accept: '' });
    expect(answer).toMatchObject({ statusCode: 201, body: { result: { short_description: 'marked' } } });
  });

  it('creates a record of defaults when there is no body, as an instance does', async () => {
    const request = { method: 'POST', url: '/api/now/table/incident' };
    const answer = await deployment.serve(postRecord).http(request);
    expect(answer).toMatchObject({ statusCode: 201, body: { result: { active: 'true' } } });
  });

  it.each([
    ['{"short_description":{"toString":"x","valueOf":1}}', 'toString'],
    ['{"short_description":[[["deep"]]]}', 'deep'],
    ['{"short_description":1e400}', '1e400'],
    ['{"short_description":"\\ud800 alone"}', 'alone'],
    ['{"short_description":12345678901234567890}', '12345678901234567890'],
  ])('writes the value of any shape in %s', async (body, text) => {
    const { statusCode, body: created } = await post(body);
    expect(statusCode).toBe(201);
    expect(Object(created).result.short_description).toContain(text);
  });

  it('leaves the record out of the answer when asked to', async () => {
    const answer = await post('{}', { 'x-no-response-body': 'true' });
    expect(answer).toMatchObject({ statusCode: 201, body: undefined });
  });

  it('merges the WSO2 connector’s columns and apiColumns into the record, later wins, nothing evaluated', async () => {
    const answer = await deployment.serve(postRecord).invoke({
      tableName: 'incident',
      record: { short_description: 'first', category: 'network', urgency: '1' },
      shortDescription: 'second',
      contactType: 'email',
      apiColumns: '{"short_description":"third"}',
    });
    const { sys_id } = Object(Object(answer).result);
    expect(stored(sys_id)).toMatchObject({
      short_description: 'third',
      category: 'network',
      contact_type: 'email',
      urgency: '1',
    });
  });

  it.each([
    [
      '[{"short_description":"a"},{"short_description":"b"}]',
      {},
      400,
      /body: must be a single record, not an array/,
    ],
    ["{'short_description':'x'}", {}, 400, /body: is not valid JSON.*double quotes/],
    [`'{"short_description":"x"}'`, {}, 400, /body: is not valid JSON.*double quotes/],
    [`{"short_description":"it's",'urgency':1}`, {}, 400, /body: is not valid JSON.*double quotes/],
    [`{"short_description":"it's","urgency":}`, {}, 400, /body: is not valid JSON(?!.*double quotes)/],
    ['['.repeat(6_000), {}, 400, /body: is nested more than 100 levels/],
    [`${'{"a":'.repeat(6_000)}1${'}'.repeat(6_000)}`, {}, 400, /body: is nested more than 100 levels/],
    ['7', {}, 400, /body: must be a JSON object/],
    ['{"a":', {}, 400, /body: is not valid JSON/],
    ['"text"', {}, 400, /body: must be a JSON object/],
    ['"{\\"short_description\\":\\"a\\"}"', {}, 400, /body: must be a JSON object/],
    ['{"":"x"}', {}, 400, /body: a column name is empty/],
    ['{"__proto__":{"active":"false"}}', {}, 400, /body: __proto__ is not a column name/],
    ['null', {}, 400, /body: must be a JSON object, not null/],
    ['a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415, /content-type.*application\/json/],
    ['{"short_description":"ü"}', { 'content-type': 'application/json; charset=iso-8859-1' }, 415, /UTF-8/],
    ['{}', { 'content-type': 'application/json, text/csv' }, 415, /content-type/],
    ['{"short_description":"M\uFFFDller"}', { 'content-length': '30' }, 400, /body: is not UTF-8 text/],
    ['{}', { 'content-encoding': 'gzip' }, 415, /content-encoding/],
    ['{}', { accept: 'application/xml' }, 406, /accept/],
    ['{}', { 'x-http-method-override': 'DELETE' }, 403, /x-http-method-override/],
  ])('refuses the body %s with %o', async (body, headers, status, reason) => {
    const before = deployment.instance.state.store.count('incident');
    const answer = await post(body, headers);
    expect(answer).toMatchObject({
      statusCode: status,
      body: { status: 'failure', error: { detail: expect.stringMatching(reason) } },
    });
    expect(deployment.instance.state.store.count('incident')).toBe(before);
  });

  it.each([
    { 'content-type': 'application/json, application/json' },
    { 'content-type': 'application/json; charset=ISO-8859-1' },
    { 'content-encoding': 'Identity' },
    { accept: '*' },
    { accept: '*;q=0.8, text/html' },
    { 'content-length': '31' },
  ])('takes a body of plain ASCII or whole UTF-8 with %o', async (headers) => {
    const body = headers['content-length']
      ? '{"short_description":"a\uFFFD, x"}'
      : '{"short_description":"a"}';
    expect((await post(body, headers)).statusCode).toBe(201);
  });
});

describe.each([
  ['PUT', putRecordById],
  ['PATCH', patchRecordById],
] as const)('%s of a record', (method, operation) => {
  it('clears a column that is given empty and leaves absent ones alone', async () => {
    const url = `/api/now/table/incident/${ids[2]}`;
    const answer = await deployment.serve(operation).http({ method, url, body: '{"short_description":""}' });
    expect(answer).toMatchObject({
      statusCode: 200,
      body: { result: { short_description: '', number: 'INC772' } },
    });
    expect(stored(ids[2] ?? '')).toMatchObject({ short_description: '', number: 'INC772', urgency: '3' });
  });

  it.each([undefined, '', ' \n'])(
    'changes nothing when the body is %j, as an instance does',
    async (body) => {
      const url = `/api/now/table/incident/${ids[2]}?sysparm_fields=sys_id`;
      const before = stored(ids[2] ?? '');
      const answer = await deployment
        .serve(operation)
        .http({ method, url, ...(body !== undefined && { body }) });
      expect(answer).toMatchObject({ statusCode: 200, body: { result: { sys_id: ids[2] } } });
      expect(stored(ids[2] ?? '')).toMatchObject({
        number: before?.['number'],
        urgency: before?.['urgency'],
      });
    },
  );

  it('takes the same in a direct Invoke', async () => {
    const event = {
      tableName: 'incident',
      sysId: ids[2],
      record: { urgency: '2' },
      sysparmFields: 'urgency',
    };
    expect(await deployment.serve(operation).invoke(event)).toEqual({ result: { urgency: '2' } });
  });
});

describe('deleteRecordById', () => {
  it('answers 204 without a body, then 404', async () => {
    const remove = deployment.serve(deleteRecordById);
    const request = { method: 'DELETE', url: `/api/now/table/incident/${ids[5]}` };
    expect(await remove.http(request)).toMatchObject({ statusCode: 204, body: undefined });
    expect(stored(ids[5] ?? '')).toBeUndefined();
    expect((await remove.http(request)).statusCode).toBe(404);
  });

  it('answers a direct Invoke with null', async () => {
    expect(await deployment.serve(deleteRecordById).invoke({ tableName: 'incident', sysId: ids[6] })).toEqual(
      { result: null },
    );
  });
});

describe('what a deployment refuses', () => {
  it('refuses a table that is not on its list, over HTTP and directly', async () => {
    const list = deployment.serve(getRecords);
    expect(await list.http({ url: '/api/now/table/sys_user' })).toMatchObject({
      statusCode: 403,
      headers: { 'x-error-code': 'TABLE_NOT_ALLOWED' },
      body: { status: 'failure', error: { detail: expect.stringContaining('sys_user') } },
    });
    await expect(list.invoke({ tableName: 'sys_user' })).rejects.toMatchObject({
      name: 'TableNotAllowedError',
    });
  });

  it.each([
    ['/api/now/table/incident%2F..%2Fsys_user', /tableName/],
    ['/api/now/table/..', /tableName/],
    [`/api/now/table/${'x'.repeat(81)}`, /tableName/],
    ['/api/now/v9/table/incident', /apiVersion: v1 or v2/],
    ['/api/now/table/incident?sysparm_limit=ten', /sysparm_limit: a whole number/],
    ['/api/now/table/incident?sysparm_query_no_domain=yes', /sysparm_query_no_domain: true or false/],
    ['/api/now/table/incident?sysparm_query=a&sysparm_query=b', /sysparm_query: is given more than once/],
    ['/api/now/table/incident?sysparm_qurey=active=true', /did you mean sysparm_query/],
    ['/api/now/table/incident?__proto__=1', /query: __proto__ is not a column name/],
    ['/api/now/table/incident?=1', /query: a column name is empty/],
  ])('refuses %s and names what is wrong', async (url, reason) => {
    const answer = await deployment.serve(getRecords).http({ url });
    expect(answer).toMatchObject({
      statusCode: 400,
      body: { status: 'failure', error: { detail: expect.stringMatching(reason) } },
    });
  });

  it('answers for a table that cannot be one as for a table that is not there', async () => {
    const name = 'A'.repeat(8000);
    const { statusCode, headers, body } = await deployment
      .serve(getRecordById)
      .http({ url: `/api/now/table/${name}/x` });
    expect([statusCode, headers['x-error-code']]).toEqual([400, 'INVALID_TABLE']);
    expect(Object(body).error.message).toMatch(/^Invalid table A{100}$/);
  });

  it.each([
    [{}, /^tableName: required/],
    [{ tableName: 7 }, /^tableName/],
    [{ tableName: 'incident', limit: 5 }, /^limit: unknown parameter; getRecords takes tableName/],
    [{ tableName: 'incident', sysparmLimit: 1.5 }, /^sysparmLimit/],
    [{ tableName: 'incident', keyValuePairs: { a: {} } }, /^keyValuePairs\.a/],
    [{ tableName: 'incident', keyValuePairs: { sysparm_query: 'x' } }, /^keyValuePairs/],
    [{ tableName: 'incident', keyValuePairs: { sysparmQuery: 'x' } }, /^keyValuePairs/],
    [
      { tableName: 'incident', keyValuePairs: 'state=1&state=2' },
      /^keyValuePairs: names a column more than once/,
    ],
    [{ tableName: 'incident', keyValuePairs: 'state' }, /^keyValuePairs: must be an object/],
    [{ tableName: 'incident', keyValuePairs: { a: 'b' }, sysparmQuery: 'x' }, /^keyValuePairs: a=…/],
    [{ tableName: 'incident', instance: 'absent' }, /^instance/],
    ['incident', /^event: must be a JSON object/],
    [null, /^event/],
    [{ Records: [] }, /^Records: unknown parameter/],
    [{ tableName: 'incident', constructor: 1 }, /^constructor: unknown parameter/],
    [JSON.parse('{"tableName":"incident","__proto__":{}}'), /^__proto__: unknown parameter/],
    [
      { tableName: 'incident', keyValuePairs: JSON.parse('{"__proto__":"x"}') },
      /^keyValuePairs: __proto__ is not a column name/,
    ],
  ])('refuses the direct Invoke %j', async (event, reason) => {
    await expect(deployment.serve(getRecords).invoke(event)).rejects.toThrow(reason);
  });

  it('logs an unexpected error and hides its details from the caller', async () => {
    const broken = { ...getRecords, prepare: () => Reflect.ownKeys(null as never) as never };
    const answer = await deployment.serve(broken).http({ url: '/api/now/table/incident' });
    expect(answer).toMatchObject({
      statusCode: 500,
      body: { error: { message: 'Internal error' }, status: 'failure' },
    });
    expect(JSON.stringify(answer)).not.toMatch(/ownKeys|\.ts:/);
    expect(deployment.logged.at(-1)).toMatchObject({
      event: 'unexpected-error',
      stack: expect.stringContaining('table.test.ts'),
    });
    await expect(deployment.serve(broken).invoke({ tableName: 'incident' })).rejects.toMatchObject({
      name: 'InternalError',
      message: expect.not.stringContaining('ownKeys'),
    });
  });
});
